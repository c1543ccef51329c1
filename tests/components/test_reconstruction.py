"""`reconstruction` refuses a field of which it would hide all, or nothing of any sample."""

from __future__ import annotations

import pytest
import torch

from declare.contract.facts import FieldFacts
from declare.contract.lengths import KEY
from declare.contract.shapes import Shape
from declare.parsing.parser import parse


@pytest.mark.parametrize("block", [None, 1, 3, 6])
@pytest.mark.parametrize(
    "shape",
    [
        Shape("vector", (1,)),
        Shape("vector", (5,)),
        Shape("series", (2, 1)),
        Shape("series", (2, 25)),
        Shape("image", (1, 1, 1)),
        Shape("image", (1, 3, 8)),
        Shape("sequence", (6, 2)),
    ],
)
def test_what_passes_is_hidden_in_part(shape: Shape, block: int | None) -> None:
    """A field is refused if and only if hiding leaves nothing to see."""
    task = parse("tasks", {"type": "reconstruction", "target": "x", "block": block})
    facts = {"d": FieldFacts(shape=shape)}
    target = task.link(facts)
    hidden = task.build(target).mask_inputs({"x": torch.ones(4, *shape.dims)}, torch.Generator())["x.hidden"]
    assert bool(list(task.check_facts(facts))) == bool(hidden.all())


@pytest.mark.parametrize("longest", [1, 4])
def test_samples_of_which_none_is_longer_than_a_block(longest: int) -> None:
    """Where samples differ in length, nothing is hidden of those that are no longer than a block."""
    task = parse("tasks", {"type": "reconstruction", "target": "x"})
    facts = {"d": FieldFacts(shape=Shape("series", (2, None)), extra={KEY: (1, longest)})}
    found = [problem.code for problem in task.check_facts(facts)]
    batch = {"x": torch.ones(3, 2, longest), "x.lengths": torch.tensor([1, longest, longest])}
    hidden = task.build(task.link(facts)).mask_inputs(batch, torch.Generator())["x.hidden"]
    assert found == ([] if hidden.any() else ["LOS424"])
