"""Fields that belong together: images and masks, texts and what stands at their words, inputs and targets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from declare.compiler.pipeline import check
from declare.parsing import parser
from declare.parsing.lookup import find, names

SCENES = """\
declare: 1
datasets:
  scenes:
    source: {type: simulated, name: segmentation, samples: 24}
    transforms: [%s]
model:
  encoder: {type: cnn, channels: [8], input: image}
tasks:
  shapes: {type: segmentation, dataset: scenes, target: mask, head: {type: segmentation, input: encoder.map}}
phases:
  fit: {epochs: 1, batch_size: 8, optimizer: {type: adamw, lr: 1e-3}}
"""
BOTH = "fields: [image, mask]"
APART = {
    "flip of the image": "{type: random_horizontal_flip, field: image}",
    "flip of the mask": "{type: random_vertical_flip, field: mask}",
    "other parameters": "{type: pad, field: image, padding: 2}, {type: pad, field: mask, padding: [2]}",
    "other samples": "{type: random_horizontal_flip, field: image}, {type: random_horizontal_flip, field: mask, on: all}",
    "other order": "{type: random_horizontal_flip, field: image}, {type: random_vertical_flip, field: image}, "
    "{type: random_vertical_flip, field: mask}, {type: random_horizontal_flip, field: mask}",
    "other sizes": f"{{type: resize, field: image, size: 48}}, {{type: random_rotation, {BOTH}, degrees: 20}}",
    "what no mask can follow": "{type: rand_augment, field: image}",
    "in evaluation too": "{type: center_crop, field: image, size: 24}",
}
TOGETHER = {
    "one list": f"{{type: random_affine, {BOTH}, degrees: 20}}, {{type: random_crop, {BOTH}, size: 16}}",
    "one each": "{type: random_horizontal_flip, field: image}, {type: random_horizontal_flip, field: mask}",
    "a flip at two sizes": f"{{type: resize, field: mask, size: 16}}, {{type: random_horizontal_flip, {BOTH}}}",
    "nothing moves": "{type: resize, field: image, size: 48}, {type: color_jitter, field: image, brightness: 0.2}",
}


def codes(folder: Path, spec: str) -> dict[str, str]:
    """Return the place of each finding by its code."""
    (folder / "spec.yaml").write_text(spec)
    return {item.code: item.path for item in check(folder / "spec.yaml").diagnostics}


@pytest.mark.parametrize("case", APART)
def test_a_mask_that_is_left_behind_is_said(tmp_path: Path, case: str) -> None:
    """What moves the pixels of an image or of its mask alone is an error at the transform."""
    assert codes(tmp_path, SCENES % APART[case])["DAT356"].startswith("datasets.scenes.transforms.")


@pytest.mark.parametrize("case", TOGETHER)
def test_what_moves_both_alike_is_let_pass(tmp_path: Path, case: str) -> None:
    """The same changes in the same order, or none that move pixels, are fine."""
    assert "DAT356" not in codes(tmp_path, SCENES % TOGETHER[case])


@pytest.mark.parametrize(("fields", "apart"), [("noisy", True), ("noisy, clean", False)])
def test_an_image_that_is_a_target_moves_with_its_input(tmp_path: Path, fields: str, apart: bool) -> None:
    """Pixels of an image are learned from those at the same place of another one."""
    images = np.zeros((12, 8, 8), np.uint8)
    np.savez(tmp_path / "d.npz", noisy=images, clean=images + np.arange(8, dtype=np.uint8))
    spec = (SCENES % f"{{type: random_horizontal_flip, fields: [{fields}]}}").replace(
        "input: image", "input: noisy"
    )
    source = "{type: npz, path: d.npz}\n    fields: {noisy: {type: image}, clean: {type: image}}"
    spec = spec.replace("{type: simulated, name: segmentation, samples: 24}", source)
    task = "type: segmentation, dataset: scenes, target: mask, head: {type: segmentation, input: encoder.map}"
    spec = spec.replace(task, "type: reconstruction, dataset: scenes, target: clean")
    assert ("DAT356" in codes(tmp_path, spec)) == apart


def test_an_image_without_a_mask_moves_freely(tmp_path: Path) -> None:
    """Where no task has a mask, nothing needs to go along."""
    spec = (SCENES % APART["flip of the image"]).replace("segmentation, samples", "textures, samples")
    spec = spec.replace(
        "type: segmentation, dataset: scenes, target: mask, head: {type: segmentation, input: encoder.map}",
        "type: classification, dataset: scenes, target: label",
    )
    assert "DAT356" not in codes(tmp_path, spec)


@pytest.mark.parametrize("name", sorted(names("transforms")))
def test_every_transform_that_moves_pixels_says_so(name: str) -> None:
    """A transform of images that takes masks either keeps their pixels in place, or is known to move them."""
    cls = find("transforms", name)
    assert cls is not None
    keeps = {"resize", "flatten"}
    record = getattr(cls, "record", None)
    moves = record["moves"] if record is not None else name in {"random_crop", "center_crop"}
    assert cls.moves == (moves and name not in keeps)
    policies = {"aug_mix", "auto_augment", "rand_augment", "trivial_augment_wide"}
    assert cls.moves_alone == (name in policies)


@pytest.mark.parametrize(
    ("image", "mask", "apart"),
    [
        ("size: 16, fit: crop", "size: 16", True),
        ("size: 16", "size: 16, fit: crop", True),
        ("size: 16, fit: crop", "size: 8, fit: crop", False),
        ("size: 16, fit: crop", "size: [8, 16], fit: crop", True),
        ("size: 16, fit: crop", "classes: 2", True),
        ("size: [16, 24], fit: crop", "classes: 2", False),
        ("size: 16", "size: 8", False),
    ],
)
def test_edges_that_reading_cuts_away(tmp_path: Path, image: str, mask: str, apart: bool) -> None:
    """Images and masks are cut to the same proportions while they are read, or neither is."""
    rows = []
    for index in range(8):
        Image.fromarray(np.full((32, 48, 3), index, np.uint8)).save(tmp_path / f"p{index}.png")
        Image.fromarray(np.full((32, 48), index % 2, np.uint8)).save(tmp_path / f"m{index}.png")
        rows.append({"image": f"p{index}.png", "mask": f"m{index}.png"})
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    spec = (SCENES % "").replace(
        "{type: simulated, name: segmentation, samples: 24}",
        f"{{type: jsonl, path: d.jsonl}}\n    fields: {{image: {{type: image, {image}}}, mask: {{type: mask, {mask}}}}}",
    )
    assert ("DAT356" in codes(tmp_path, spec)) == apart


WORDS = """\
declare: 1
datasets:
  d:
    source: {type: jsonl, path: d.jsonl}
    fields:
      words: {type: text, tokenizer: char, max_length: 8}
      tag: {type: tags, of: words}
      spikes: {type: counts}
      usable: {type: valid%s}
model:
  encoder: {type: transformer, input: words, dim: 8, depth: 1, heads: 2}
tasks:
  k: {type: %s, dataset: d, target: %s, mask: usable}
phases:
  fit: {epochs: 1, batch_size: 8, optimizer: {type: adamw, lr: 1e-3}}
"""


@pytest.mark.parametrize(
    ("of", "task", "target", "refused"),
    [
        (", of: words", "token_classification", "tag", False),
        ("", "token_classification", "tag", True),
        ("", "masked_lm", "words", True),
        (", of: words", "counts", "spikes", True),
        ("", "counts", "spikes", False),
    ],
)
def test_a_mask_of_words_follows_them(tmp_path: Path, of: str, task: str, target: str, refused: bool) -> None:
    """A mask with several values must say whose words they belong to, and the target stands at words."""
    row = {"spikes": [0, 1], "words": ["ab", "c"], "tag": ["X", "Y"], "usable": [1, 0]}
    (tmp_path / "d.jsonl").write_text((json.dumps(row) + "\n") * 8)
    assert ("DAT352" in codes(tmp_path, WORDS % (of, task, target))) == refused


def test_what_stands_at_words_is_not_wrong_where_the_text_is(tmp_path: Path) -> None:
    """A text that cannot be split is one finding; its tags and its mask are none."""
    row = {"spikes": [0, 1], "words": ["ab", "c"], "tag": ["X", "Y"], "usable": [1, 0]}
    (tmp_path / "d.jsonl").write_text((json.dumps(row) + "\n") * 8)
    spec = (WORDS % (", of: words", "token_classification", "tag")).replace(
        "tokenizer: char", "tokenizer: {type: bpe, vocab_size: 60}"
    )
    found = codes(tmp_path, spec)
    assert found["DAT361"] == "datasets.d.fields.words.tokenizer.vocab_size"
    assert "REF201" not in found


ENTRIES = """\
declare: 1
datasets:
  d:
    source: {type: npz, path: d.npz}
    fields: {x: {type: vector}, target: {type: %s}, usable: {type: valid}}
    transforms: [%s]
model: {encoder: {type: mlp, input: x, hidden: [4]}}
tasks: {k: {type: regression, dataset: d, target: target, mask: usable}}
phases: {fit: {epochs: 1, batch_size: 8, optimizer: {type: adamw, lr: 1e-3}}}
"""


@pytest.mark.parametrize(
    ("width", "transform", "refused"),
    [
        (3, "{type: temporal_pool, field: target}", False),
        (3, "{type: flatten, field: target}", True),
        (0, "{type: flatten, field: target}", False),
        (24, "{type: flatten, field: target}", True),
        (3, "{type: resample, field: target, from_rate: 8, rate: 4}, {type: flatten, field: target}", True),
        (3, "{type: resample, field: target, from_rate: 8, rate: 4}, {type: temporal_pool, field: target}", False),
    ],
)  # fmt: skip
def test_a_mask_of_entries_fits_the_target_after_transforms(
    tmp_path: Path, width: int, transform: str, refused: bool
) -> None:
    """A mask with a value for each channel goes with transforms that keep the channels, and no other."""
    draws = np.random.default_rng(0)
    usable = draws.random((40, width) if width else 40) < 0.7
    np.savez(tmp_path / "d.npz", x=draws.random((40, 2)), target=draws.random((40, 3, 8)), usable=usable)
    found = codes(tmp_path, ENTRIES % ("series", transform))
    assert ("DAT352" in found) == refused, found


@pytest.mark.parametrize(
    "transform", ["random_vertical_flip", "random_crop, size: 8, padding: 1", "center_crop, size: 6"]
)
def test_a_mask_of_pixel_rows_is_refused_where_pixels_move(tmp_path: Path, transform: str) -> None:
    """Flags of the rows of a segmentation mask would be those of other rows."""
    draws = np.random.default_rng(0)
    image = draws.integers(0, 255, (24, 8, 8, 3)).astype("uint8")
    np.savez(tmp_path / "d.npz", x=image, target=image[..., 0] // 128, usable=draws.random((24, 8)) < 0.7)
    spec = (ENTRIES % ("mask", f"{{type: {transform}, fields: [x, target]}}")).replace("vector", "image")
    spec = spec.replace("mlp, input: x, hidden: [4]", "cnn, input: x, channels: [4]")
    spec = spec.replace(
        "type: regression,", "type: segmentation, head: {type: segmentation, input: encoder.map},"
    )
    assert codes(tmp_path, spec) == {"DAT352": "tasks.k.mask"}


def test_every_augment_that_mixes_samples_says_what() -> None:
    """An augment that changes classes of samples names them among what it mixes."""
    from declare.contract.shapes import Shape

    inputs = {"image": Shape("image", (3, 8, 8), "uint8")}
    targets = {"label": Shape("category", (), "int64", 3), "tag": Shape("tags", (4,), "int64", 3)}
    for name in names("augments"):
        augment = parser.parse("augments", {"type": name})
        mixed = augment.mixed_fields(inputs, targets)
        assert mixed in (frozenset(), frozenset({"image", "label"}))


HIDING = """\
declare: 1
datasets:
  images: {source: {type: simulated, name: textures, samples: 24}}
model:
  encoder: {type: transformer, input: image, patch: 8, dim: 8, depth: 1, heads: 2}
tasks:
  mim: {type: reconstruction, dataset: images, target: image, head: {type: decoder, input: encoder.output}}
  kind: {type: classification, dataset: images, target: label, head: {type: linear, input: encoder.pooled}}
phases:
  fit: {tasks: [%s], epochs: 1, batch_size: 8, augment: [{type: mixup}], optimizer: {type: adamw, lr: 1e-3}}
"""


@pytest.mark.parametrize(("tasks", "idle"), [("mim", True), ("mim, kind", False)])
def test_augments_that_no_task_sees_are_said(tmp_path: Path, tasks: str, idle: bool) -> None:
    """Where all tasks of a phase hide parts of what they see, an augment has no effect."""
    assert ("LOS415" in codes(tmp_path, HIDING % tasks)) == idle


@pytest.mark.parametrize(("mask", "apart"), [((32, 48), True), ((24, 16), False), ((48, 32), False)])
def test_masks_of_other_proportions(tmp_path: Path, mask: tuple[int, int], apart: bool) -> None:
    """A mask that lies on its side is not of the image that it stands beside."""
    images = np.random.default_rng(0).integers(0, 255, (8, 48, 32, 3)).astype(np.uint8)
    np.savez(tmp_path / "d.npz", image=images, mask=np.arange(8)[:, None, None] % 2 * np.ones(mask, np.uint8))
    spec = (SCENES % "").replace(
        "{type: simulated, name: segmentation, samples: 24}",
        "{type: npz, path: d.npz}\n    fields: {image: {type: image}, mask: {type: mask}}",
    )
    assert ("DAT356" in codes(tmp_path, spec)) == apart
