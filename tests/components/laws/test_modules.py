"""Laws of modules, on every layout that they take; those about lengths and neighbours stand beside this file."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import pytest
import torch
from torch import nn

from declare.contract.kinds.module import Costs, Module, Port
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from tests.components import conformance
from tests.components.conformance import Case
from tests.components.laws.nodes import (
    LAWS,
    an_evaluation_draws_nothing,
    one_step_gives_finite_gradients_to_every_parameter,
    state_survives_saving_and_copies,
    static_figures_are_those_of_the_real_one,
)

NAMES = [item.type_name() for item in conformance.classes("modules")]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_every_module_keeps_the_law(name, law):
    """The module of its page's example, on each layout that it takes."""
    cases = list(conformance.fitting(conformance.component("modules", name)))
    answers = [case.infer() for case in cases]
    if all(isinstance(item, Problem) and item.code == "RES852" for item in answers):
        pytest.skip("its library is an extra that is not installed here")
    good = [case for case, item in zip(cases, answers, strict=True) if not isinstance(item, Problem)]
    assert good, f"`{name}` refuses every layout that its first port says it takes"
    for case in good:
        law(case)


class Layer(nn.Module):
    """A linear layer, for the wrong ones below to differ from in one thing each."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 4)
        self.seen = 0

    def forward(self, values):
        return self.layer(values)


class Right(Module):
    ports: ClassVar[tuple[Port, ...]] = (Port("input", ("vector",)),)
    real: ClassVar[type[nn.Module]] = Layer

    def infer(self, inputs):
        return {"output": Shape("vector", (4,))}

    def costs(self, inputs):
        return Costs(28, 48, 16)

    def build(self, inputs):
        return self.real()


class Cheap(Right):
    def costs(self, inputs):
        return Costs(28, 24, 16)


class Idle(Layer):
    def __init__(self) -> None:
        super().__init__()
        self.other = nn.Linear(6, 4)


class Hidden(Layer):
    """Keeps a weight outside of its state."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = float(torch.rand(()))

    def forward(self, values):
        return self.layer(values) * self.scale


class Noisy(Layer):
    def forward(self, values):
        return nn.functional.dropout(self.layer(values), 0.5)


def _with(layer: type[nn.Module]) -> Module:
    class Wrong(Right):
        real: ClassVar[type[nn.Module]] = layer

    return Wrong()


BROKEN: dict[Callable[[Case], None], Module] = {
    static_figures_are_those_of_the_real_one: Cheap(),
    one_step_gives_finite_gradients_to_every_parameter: _with(Idle),
    state_survives_saving_and_copies: _with(Hidden),
    an_evaluation_draws_nothing: _with(Noisy),
}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_law_can_fail(law):
    """A module that breaks the law does not pass; one that keeps it does."""
    inputs = {"input": (Shape("vector", (6,)),)}
    with pytest.raises(AssertionError):
        law(Case(BROKEN[law], inputs, None))
    law(Case(Right(), inputs, None))
