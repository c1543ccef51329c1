"""Laws of heads, for every output that a task may need."""

from __future__ import annotations

from typing import ClassVar

import pytest
import torch
from torch import nn

from declare.contract.kinds.module import Costs, Head, Port
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.parsing.lookup import own_names
from tests.components import conformance
from tests.components.conformance import Case
from tests.components.laws.nodes import LAWS, static_figures_are_those_of_the_real_one

OUTPUTS = [
    Shape("vector", (4,)),
    Shape("vector", (32,)),
    Shape("number", ()),
    Shape("labels", (3,)),
    Shape("counts", (7,)),
    Shape("sequence", (20, 5)),
    Shape("series", (2, 6)),
    Shape("image", (3, 24, 24)),
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", own_names("heads"))
def test_every_head_keeps_the_law(name, law):
    """The head of its page's example, on each layout that it takes, for each output that it can give."""
    head = conformance.component("heads", name)
    cases = [case for output in OUTPUTS for case in conformance.fitting(head, output)]
    good = [case for case in cases if not isinstance(case.infer(), Problem)]
    assert good, f"`{name}` refuses every output for every layout that it takes"
    for case in good:
        law(case)


def runs_with_fewer_steps(case: Case) -> None:
    """Where samples may differ in length, a shorter batch gives the same as the first steps of a longer one."""
    steps = [tensor for tensor in case.tensors() if tensor.dim() == 3]
    if case.component.padding_policy() is None or not steps:
        return
    head, fewer = case.build().eval(), steps[0].shape[1] - 1
    with torch.no_grad():
        whole = head(*case.tensors())
        short = head(*[tensor[:, :fewer] if tensor.dim() == 3 else tensor for tensor in case.tensors()])
    torch.testing.assert_close(short, whole[:, :fewer])


@pytest.mark.parametrize("name", own_names("heads"))
def test_a_head_that_takes_padding_runs_with_fewer_steps(name):
    """Batches are as long as their longest sample, and that may be any: a text has at most so many tokens."""
    head = conformance.component("heads", name)
    for output in OUTPUTS:
        for case in conformance.fitting(head, output):
            if not isinstance(case.infer(), Problem):
                runs_with_fewer_steps(case)


class Right(Head):
    ports: ClassVar[tuple[Port, ...]] = (Port("input", ("vector",)),)

    def infer(self, inputs, output):
        return {"output": output}

    def costs(self, inputs, output):
        return Costs(28, 48, 16)

    def build(self, inputs, output):
        return nn.Linear(6, 4)


class Wide(Right):
    def infer(self, inputs, output):
        return {"output": Shape("vector", (5,))}


def test_another_shape_than_the_target_needs_is_found():
    """A head that gives something else than it says does not pass; laws that modules share are broken there."""
    inputs = {"input": (Shape("vector", (6,)),)}
    with pytest.raises(AssertionError):
        static_figures_are_those_of_the_real_one(Case(Wide(), inputs, OUTPUTS[0]))
    for law in LAWS:
        law(Case(Right(), inputs, OUTPUTS[0]))
