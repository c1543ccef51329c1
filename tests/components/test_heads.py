"""Heads: what does not fit, and variants beside those of the laws."""

from __future__ import annotations

import pytest

from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.parsing import lookup
from tests.components.conformance import SAMPLES, Case
from tests.components.laws.nodes import LAWS


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_a_hidden_layer_keeps_the_laws_of_heads(law):
    """`segmentation` with a hidden map, beside what its page shows."""
    head = lookup.find("heads", "segmentation")(hidden=6)
    law(Case(head, {"input": (SAMPLES["image"],)}, Shape("image", (3, 24, 24))))


@pytest.mark.parametrize(
    ("name", "shape", "output", "code"),
    [
        ("linear", SAMPLES["sequence"], Shape("vector", (4,)), "SHP511"),
        ("linear", SAMPLES["vector"], Shape("sequence", (20, 4)), "SHP511"),
        ("mlp", SAMPLES["image"], Shape("vector", (4,)), "SHP511"),
        ("segmentation", SAMPLES["image"], Shape("vector", (4,)), "SHP511"),
        ("segmentation", SAMPLES["image"], Shape("image", (3, None, None)), "SHP512"),
    ],
)
def test_inputs_that_do_not_fit_the_target_are_problems(name, shape, output, code):
    """A head says why it cannot give what the task needs from what it gets."""
    found = lookup.find("heads", name)().infer({"input": (shape,)}, output)
    assert isinstance(found, Problem)
    assert found.code == code
