"""Transforms of images: own ones against torchvision's, and laws of the keyed random ones."""

import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import v2

from declare.components.transforms import _library
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Shape
from declare.parsing import lookup, parser

IMAGE = Shape("image", (3, 48, 40), "uint8")
MASK = Shape("mask", (48, 40), "int64")
RANDOM = [name for name in _library.names() if _library.find(name).record["draws"] != "nothing"] + [
    "random_crop"
]
MOVING = [name for name in _library.names() if _library.find(name).record["moves"]] + ["random_crop"]


def block(name, **stated):
    """Return a block of a transform with the parameters that it needs."""
    example = {"size": 16, "padding": 2} if name == "random_crop" else _library.find(name).record["example"]
    return {"type": name, "field": "image"} | example | stated


def parse(name, **stated):
    """Return a transform."""
    return parser.parse("transforms", block(name, **stated))


def images(number=6, shape=IMAGE, seed=0):
    """Return a batch of random images."""
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.integers(0, 256, (number, *shape.dims), dtype=np.uint8))


def keys(number=6, seed=0):
    """Return keys of samples."""
    return np.random.default_rng(seed).integers(0, 2**64, number, dtype=np.uint64)


@pytest.mark.parametrize("name", [*_library.names(), "random_crop"])
def test_a_batch_has_the_inferred_shape(name):
    """Every transform makes of uint8 images what `infer` says, and says when its example does not fit."""
    transform = parse(name)
    inferred = transform.infer(IMAGE)
    done = transform.build(IMAGE, {})(images(), keys())
    assert (tuple(done.shape[1:]), str(done.dtype)) == (inferred.dims, f"torch.{inferred.dtype}")


@pytest.mark.parametrize("name", RANDOM)
def test_draws_belong_to_samples(name):
    """What becomes of a sample follows from its key: in another batch, order and thread it is the same."""
    module, batch, own = parse(name).build(IMAGE, {}), images(), keys()
    whole = module(batch, own)
    order = [4, 1, 3]
    assert torch.equal(module(batch[order], own[order]), whole[order])
    found = []
    thread = threading.Thread(target=lambda: found.append(module(batch, own)))
    thread.start()
    thread.join()
    assert torch.equal(found[0], whole)


@pytest.mark.parametrize("name", RANDOM)
def test_global_generators_are_left_alone(name):
    """Torch's and numpy's global generators stand where they stood."""
    module = parse(name).build(IMAGE, {})
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    module(images(2), keys(2))
    assert torch.equal(before, torch.get_rng_state())
    assert (np.random.get_state()[1] == numpy_before).all()  # noqa: NPY002


@pytest.mark.parametrize("name", RANDOM)
def test_samples_differ(name):
    """Equal images with different keys do not all come out equal."""
    certain = {"p": 0.5} if "p" in _fields(name) else {}
    batch = (images(1) // 2 + 40).expand(24, -1, -1, -1).contiguous()
    done = parse(name, **certain).build(IMAGE, {})(batch, keys(24))
    assert len(torch.unique(done.flatten(1), dim=0)) > 1


def _fields(name):
    return lookup.find("transforms", name).model_fields


@pytest.mark.parametrize(
    "name", [name for name in _library.names() if _library.find(name).record["draws"] == "chance"]
)
def test_chance_is_what_is_stated(name):
    """With `p: 0` nothing changes, with `p: 1` all that torchvision would change."""
    batch = images()
    assert torch.equal(parse(name, p=0).build(IMAGE, {})(batch, keys()), batch)
    certain = getattr(v2, _library.find(name).record["class"])(**_stated(name), p=1)
    assert torch.equal(parse(name, p=1).build(IMAGE, {})(batch, keys()), certain(batch))


def _stated(name):
    return _library.find(name).record["example"]


def test_half_the_samples_are_flipped():
    """`p: 0.5` flips about half of many samples, and others with other keys."""
    batch = images(1).expand(2000, -1, -1, -1)
    flip = parse("random_horizontal_flip").build(IMAGE, {})
    same = (flip(batch, keys(2000)) == batch).flatten(1).all(1)
    assert 900 < int(same.sum()) < 1100
    upside = parse("random_vertical_flip").build(IMAGE, {})
    upright = (upside(batch, keys(2000)) == batch).flatten(1).all(1)
    assert 900 < int((same == upright).sum()) < 1100, "two transforms draw independently"


@pytest.mark.parametrize("name", [name for name in MOVING if name != "elastic_transform"])
def test_masks_move_with_their_images(name):
    """An image that shows the classes and its mask go to the same place; the outside is no class."""
    exact = {"interpolation": "nearest"} if "interpolation" in _fields(name) else {}
    transform = parse(name, **exact)
    classes = torch.from_numpy(np.random.default_rng(0).integers(0, 5, (6, 48, 40)))
    shown = (classes[:, None] + 1).expand(-1, 3, -1, -1).to(torch.uint8).contiguous()
    moved = transform.build(IMAGE, {})(shown, keys())
    mask = transform.build(MASK, {})(classes, keys())
    assert mask.dtype == torch.int64
    assert tuple(mask.shape[1:]) == transform.infer(MASK).dims
    assert torch.equal(moved[:, 0].long() - 1, mask)


def test_videos_move_as_a_whole():
    """Every frame of a video is changed alike."""
    video = Shape("video", (3, 4, 48, 40), "uint8")
    frames = images(5)[:, :, None].expand(-1, -1, 4, -1, -1).contiguous()
    for name in ("random_rotation", "random_horizontal_flip", "random_crop", "color_jitter"):
        transform = parse(name)
        done = transform.build(video, {})(frames, keys(5))
        assert tuple(done.shape[1:]) == transform.infer(video).dims
        assert torch.equal(done, done[:, :, :1].expand_as(done))
        assert torch.equal(done[:, :, 0], transform.build(IMAGE, {})(images(5), keys(5)))


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect"])
def test_crops_are_pieces_of_torchvisions_padding(mode):
    """Each crop is a piece of the padded image, at its own place."""
    transform = parse("random_crop", size=[44, 40], padding=[1, 2, 3, 4], padding_mode=mode)
    batch = images(8)
    done = transform.build(IMAGE, {})(batch, keys(8))
    padded = v2.functional.pad(batch, [1, 2, 3, 4], padding_mode=mode)
    for piece, whole in zip(done, padded, strict=True):
        windows = whole.unfold(1, 44, 1).unfold(2, 40, 1).permute(1, 2, 0, 3, 4).flatten(0, 1)
        assert (windows == piece).flatten(1).all(1).any()


@pytest.mark.parametrize("size", [20, [10, 31]])
def test_center_crop_is_torchvisions(size):
    """Even margins are cut as torchvision cuts them; the shape is the inferred one."""
    transform = parser.parse("transforms", {"type": "center_crop", "field": "image", "size": size})
    done = transform.apply(images().numpy(), {})
    height, width = (size, size) if isinstance(size, int) else size
    top, left = (48 - height) // 2, (40 - width) // 2
    assert done.shape[1:] == transform.infer(IMAGE).dims
    assert np.array_equal(done, images().numpy()[:, :, top : top + height, left : left + width])


@given(height=st.integers(1, 60), width=st.integers(1, 60))
@settings(max_examples=15, deadline=None)
def test_resize_gives_the_size_and_keeps_the_range(height, width):
    """Any size comes out as inferred; bilinear values stay between the least and the greatest."""
    transform = parser.parse("transforms", {"type": "resize", "field": "image", "size": [height, width]})
    batch = images(2).numpy() // 2 + 40
    done = transform.apply(batch, {})
    assert done.shape[1:] == transform.infer(IMAGE).dims
    assert done.dtype == np.uint8
    assert batch.min() <= done.min() <= done.max() <= batch.max()


def test_resized_images_are_close_to_torchvisions():
    """Antialiased bilinear scaling differs from torchvision's by rounding alone, in numbers of both types."""
    for dtype in (np.uint8, np.float32):
        batch = images().numpy().astype(dtype)
        transform = parser.parse("transforms", {"type": "resize", "field": "image", "size": [20, 30]})
        wanted = v2.functional.resize(torch.from_numpy(batch), [20, 30], antialias=True).numpy()
        assert np.abs(transform.apply(batch, {}).astype(float) - wanted.astype(float)).max() <= 1.01


def test_resized_masks_hold_classes_alone():
    """A mask takes the nearest class, missing pixels stay missing."""
    mask = np.random.default_rng(0).choice([-1, 3], (2, 48, 40))
    transform = parser.parse("transforms", {"type": "resize", "field": "mask", "size": 17})
    done = transform.apply(mask, {})
    assert (done.shape, done.dtype) == ((2, 17, 17), np.int64)
    assert set(np.unique(done)) == {-1, 3}


@pytest.mark.parametrize(
    ("stated", "shape", "code"),
    [
        ({"type": "center_crop", "size": 64}, IMAGE, "DAT346"),
        ({"type": "random_crop", "size": 64, "padding": 4}, IMAGE, "DAT346"),
        ({"type": "random_crop", "size": 8, "padding": 4097}, IMAGE, "SCH108"),
        ({"type": "random_crop", "size": 8, "padding": 900, "padding_mode": "reflect"}, IMAGE, "SCH108"),
        ({"type": "resize", "size": 8}, Shape("image", (3, None, 40), "uint8"), "SHP512"),
        ({"type": "resize", "size": 8}, Shape("vector", (5,)), "SHP511"),
        ({"type": "random_horizontal_flip"}, Shape("series", (3, 100)), "SHP511"),
        ({"type": "color_jitter", "hue": 0.1}, MASK, "SHP511"),
        ({"type": "color_jitter", "hue": 0.1}, IMAGE._replace(dtype="float32"), "SHP511"),
        ({"type": "color_jitter", "hue": 0.1}, Shape("image", (2, 48, 40), "uint8"), "SHP508"),
    ],
)
def test_fields_that_do_not_fit(stated, shape, code):
    """What a transform cannot change is found from the shape."""
    found = parser.parse("transforms", {"field": "image"} | stated).infer(shape)
    assert isinstance(found, Problem)
    assert found.code == code


@pytest.mark.parametrize(
    ("stated", "code"),
    [
        ({"type": "random_horizontal_flip", "p": 2}, "SCH108"),
        ({"type": "random_horizontal_flip", "p": "0.5"}, "SCH102"),
        ({"type": "random_horizontal_flip", "prob": 0.5}, "SCH101"),
        ({"type": "random_resized_crop"}, "SCH103"),
        ({"type": "random_resized_crop", "size": [1, 2, 3]}, "SCH108"),
        ({"type": "random_rotation", "degrees": 10, "interpolation": "lanczos"}, "SCH105"),
        ({"type": "center_crop", "size": 0}, "SCH108"),
        ({"type": "random_crop", "size": 8, "padding": [1, 2, 3]}, "SCH108"),
    ],
)
def test_parameters_are_strict(stated, code):
    """Unknown names, wrong types and values out of bounds are found by the table alone."""
    _, problems = parser.read("transforms", {"field": "image"} | stated)
    assert [problem.code for problem in problems] == [code]


def test_what_torchvision_refuses_is_a_problem():
    """Parameters that only torchvision can judge end in DAT347 with its own words."""
    with pytest.raises(ProblemError) as caught:
        parse("gaussian_blur", kernel_size=4).build(IMAGE, {})
    assert caught.value.problem.code == "DAT347"
    assert "odd" in caught.value.problem.notes[0]


def test_random_ones_are_for_training():
    """Random transforms leave evaluation alone unless told; others change all samples."""
    assert {parse(name).on for name in RANDOM} == {"train"}
    assert parse("grayscale").on == parse("pad").on == "all"


@pytest.mark.skipif(not _library.TABLE.is_current(), reason="another version is asked itself")
def test_names_need_no_library():
    """A transform of torchvision is read and inferred without torch, torchvision or numpy."""
    code = (
        "import sys; from declare.parsing import parser; from declare.contract.shapes import Shape;"
        "t = parser.parse('transforms', {'type': 'random_resized_crop', 'field': 'image', 'size': 9});"
        "assert t.infer(Shape('image', (3, 20, 20), 'uint8')).dims == (3, 9, 9);"
        "assert not {'torch', 'torchvision', 'numpy'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
