"""Means and deviations are on the scale of what they are subtracted from."""

from __future__ import annotations

import pytest

from declare.contract.facts import FieldFacts
from declare.contract.kinds.transform import facts_before
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.parsing import parser

IMAGE = Shape("image", (3, 8, 8), "uint8")
BYTES = {"mean": [123.7, 116.3, 103.5], "std": [58.4, 57.1, 57.4]}
SHARES = {"mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2]}


def normalize(**block):
    return parser.parse("transforms", {"type": "normalize", "field": "x"} | block)


@pytest.mark.parametrize(("block", "at"), [(BYTES, "mean"), (SHARES | {"std": [51.0] * 3}, "std")])
def test_figures_of_bytes_are_refused_for_images(block, at):
    """Pixels of images are divided by 255 first: figures of 0 to 255 are DAT334, with the shares as help."""
    found = normalize(**block).infer(IMAGE)
    assert isinstance(found, Problem)
    assert (found.code, found.at) == ("DAT334", at)
    assert str(round(block[at][0] / 255, 4)) in found.helps[0]
    for right in (SHARES, {"mean": "imagenet"}, {}, {"mean": [0.0] * 3, "std": [1.0] * 3}):
        assert normalize(**right).infer(IMAGE) == IMAGE._replace(dtype="float32")


@pytest.mark.parametrize(
    ("block", "highest", "refused"),
    [
        ({"mean": "imagenet"}, 255, True),
        (SHARES, 255, True),
        ({"mean": "imagenet"}, 1, False),
        (BYTES, 255, False),
        ({}, 255, False),
    ],
)
def test_figures_of_shares_are_refused_for_videos_of_bytes(block, highest, refused):
    """Values of videos are not divided by 255: a mean of 0 to 1 is DAT390 unless they are in 0 to 1."""
    facts = FieldFacts(shape=Shape("video", (3, 4, 8, 8)), minimum=0, maximum=highest)
    found = normalize(**block).check_facts({"x": facts})
    assert (found is not None and found.code == "DAT390") == refused


def test_a_field_is_normalised_once():
    """A second `normalize` of the same samples is refused; one for training and one for evaluations are not."""
    facts = {"x": FieldFacts(shape=IMAGE)}
    for first, second, refused in (("all", "all", True), ("train", "all", True), ("train", "eval", False)):
        chain = [normalize(on=first), normalize(on=second)]
        found = [
            item.check_facts(known) for item, known in zip(chain, facts_before(chain, facts), strict=True)
        ]
        assert [item and item.code for item in found] == [None, "SHP511" if refused else None]
