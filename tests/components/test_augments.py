"""Augments: targets follow inputs, missing ones stay out, and the same key gives the same batch."""

import math

import pytest
import torch
from torch.nn import functional

from declare.contract.shapes import Shape
from declare.nn.augments.mixing import Mixup
from declare.parsing import parser
from declare.parsing.lookup import own_names

INPUTS = {"image": Shape("image", (1, 8, 8)), "age": Shape("number", ())}
TARGETS = {
    "kind": Shape("category", (), "int64", 3),
    "tags": Shape("labels", (2,)),
    "score": Shape("number", ()),
    "mask": Shape("mask", (8, 8), "int64", 2),
    "valid": Shape("valid", (), "bool"),
}


def build(block, inputs=INPUTS, targets=TARGETS):
    """Return a built augment."""
    return parser.parse("augments", block).build(inputs, targets)


def key(seed=0):
    """Return a keyed generator."""
    return torch.Generator().manual_seed(seed)


def batch(rows=6, seed=3):
    """Return a batch with a missing class, label and number."""
    generator = key(seed)
    fields = {
        "image": torch.rand(rows, 1, 8, 8, generator=generator) + 1,
        "age": torch.rand(rows, generator=generator),
        "kind": torch.randint(0, 3, (rows,), generator=generator),
        "tags": torch.rand(rows, 2, generator=generator).round(),
        "score": torch.randn(rows, generator=generator),
        "mask": torch.randint(0, 2, (rows, 8, 8), generator=generator),
        "valid": torch.ones(rows, dtype=torch.bool),
        "subject": torch.arange(rows),
    }
    fields["kind"][0], fields["tags"][1, 0], fields["score"][2], fields["valid"][3] = (
        -1,
        math.nan,
        math.nan,
        False,
    )
    return fields


def test_mixup_mixes_inputs_and_targets_alike():
    """Inputs and targets are share * own + (1 - share) * partner's, with one share for the batch."""
    before = batch()
    after = build({"type": "mixup", "alpha": 1.0})(before, key(1))
    generator = key(1)
    parts = torch._standard_gamma(torch.ones(2, dtype=torch.float64), generator)
    torch.rand((), generator=generator)
    share, partner = (parts[0] / parts.sum()).item(), torch.randperm(6, generator=generator)
    own = functional.one_hot(before["kind"].clamp_min(0), 3).float() * (before["kind"] >= 0).unsqueeze(1)
    for name, values in {**before, "kind": own}.items():
        if name in {"image", "age", "kind", "tags", "score"}:
            expected = share * values + (1 - share) * values[partner]
            torch.testing.assert_close(after[name], expected, equal_nan=True)
    assert torch.equal(after["subject"], before["subject"])
    assert torch.equal(after["valid"], before["valid"] & before["valid"][partner])
    assert after["mask"].shape == (6, 2, 8, 8)


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_mixing_keeps_the_weight_of_the_classes(name):
    """The class weights of a batch add up to what they were, so that accumulation stays exact."""
    loss_target = parser.parse("losses", {"type": "cross_entropy", "class_weights": [0.5, 1.0, 3.0]})
    from declare.contract.kinds.task import Target

    linked = Target(prediction="class_logits", output=Shape("vector", (3,)), classes=("a", "b", "c"))
    loss = loss_target.build(linked)
    before = batch(9)
    after = build(name)(before, key(2))
    torch.testing.assert_close(loss.count(after["kind"]), loss.count(before["kind"]))


def test_cutmix_pastes_one_box_into_image_and_mask():
    """What changed is a box; the mask changes in the same place, the other targets by its area."""
    before = batch()
    before["image"] = torch.arange(6.0).view(6, 1, 1, 1).expand(6, 1, 8, 8).clone()
    before["mask"] = torch.arange(6).view(6, 1, 1).expand(6, 8, 8).clone()
    after = build("cutmix")(before, key(5))
    assert torch.equal(after["image"][:, 0].long(), after["mask"])
    changed = after["image"][:, 0] != before["image"][:, 0]
    sizes = {int(item.sum()) for item in changed}
    assert len(sizes - {0}) == 1
    left = 1 - max(sizes) / 64
    rows, columns = changed.any(0).any(1).sum(), changed.any(0).any(0).sum()
    assert int(rows * columns) == max(sizes)
    known = before["kind"] >= 0
    own = after["kind"][known, before["kind"][known]]
    assert own.min().item() >= left - 1e-6


def test_pixels_become_numbers_when_they_are_mixed():
    """Mixed uint8 images are numbers from 0 to 1, as the model sees them; pasted ones stay pixels."""
    fields = {"image": torch.full((4, 1, 8, 8), 255, dtype=torch.uint8)}
    mixed = build("mixup")(fields, key())["image"]
    torch.testing.assert_close(mixed, torch.ones(4, 1, 8, 8))
    assert build("cutmix")(fields, key())["image"].dtype == torch.uint8


@pytest.mark.parametrize("fill", ["zero", "mean", "noise"])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_erasing_changes_one_box_of_an_image(fill, dtype):
    """A box within the stated area changes, in every channel; targets and the given batch do not."""
    images = torch.randint(1, 255, (64, 3, 16, 16), generator=key()).to(dtype)
    fields = {"image": images.clone(), "kind": torch.zeros(64)}
    block = {"type": "random_erasing", "probability": 1.0, "area": [0.1, 0.3], "fill": fill}
    after = build(block, {"image": Shape("image", (3, 16, 16))})(fields, key(4))
    assert torch.equal(fields["image"], images)
    assert after["kind"] is fields["kind"]
    changed = (after["image"] != images).any(1)
    box = changed.any(1).sum(1) * changed.any(2).sum(1)
    assert box.float().div(256).gt(0.04).all()
    assert box.float().div(256).lt(0.4).all()
    if fill == "zero":
        assert torch.equal(changed.flatten(1).sum(1), box)


def test_erasing_spares_the_share_that_it_should():
    """About `probability` of the images lose a box."""
    images = torch.ones(400, 1, 8, 8)
    after = build({"type": "random_erasing", "probability": 0.25})({"image": images}, key())["image"]
    assert 0.15 < (after != 1).flatten(1).any(1).float().mean().item() < 0.35


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_a_batch_may_be_left_as_it_is(name):
    """With a small probability most batches are not mixed."""
    augment = build({"type": name, "probability": 0.01})
    fields = batch()
    assert all(torch.equal(augment(fields, key(seed))["image"], fields["image"]) for seed in range(5))


@pytest.mark.parametrize("name", own_names("augments"))
def test_augments_say_when_there_is_nothing_to_change(name):
    """A model that reads tokens alone has nothing to mix, cut or erase."""
    block = parser.parse("augments", name)
    assert [item.code for item in block.check_fields({"text": Shape("tokens", (9,), "int64")}, TARGETS)] == [
        "LOS415"
    ]
    assert not list(block.check_fields(INPUTS, TARGETS))


def test_a_mixed_series_is_as_long_as_the_longer_of_two():
    """Beyond the end of the shorter one the longer one still counts."""
    fields = {"wave": torch.rand(3, 2, 6), "wave.lengths": torch.tensor([6, 2, 4])}
    mixed = Mixup(["wave"], {}, alpha=1.0).mix(dict(fields), 0.5, torch.tensor([1, 2, 0]), None)
    assert mixed["wave.lengths"].tolist() == [6, 4, 6]
