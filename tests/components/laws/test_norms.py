"""Laws of batch norms: what is said of their values without torch is what the real ones see."""

from __future__ import annotations

from typing import ClassVar

import pytest
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from declare.contract.kinds.module import Costs, Head, Module, Port
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.parsing import parser
from tests.components.conformance import Case, classes, fitting, variants

OUTPUTS = (Shape("vector", (4,)), Shape("image", (3, 24, 24)))
FURTHER = {"segmentation": [{"type": "segmentation", "hidden": 4}]}
"""Parameters that give a norm and that no choice of a value shows."""


def cases(kind: str, name: str):
    """Yield each variant of a component on each layout, for each output that it can give."""
    further = [parser.parse(kind, block) for block in FURTHER.get(name, ())]
    for node in (*variants(kind, name), *further):
        for output in OUTPUTS if isinstance(node, Head) else (None,):
            yield from fitting(node, output)


def a_batch_norm_sees_what_is_said(case: Case) -> None:
    """The fewest values of one sample that a channel of a real batch norm gets are those worked out without torch."""
    said, module = case.component.batch_norm_values(case.inputs), case.build()
    has_norms = any(isinstance(part, _BatchNorm) for part in module.modules())
    real = case.measure().batch_norm_values if has_norms else None
    assert said == real, f"{case.title}: {said}, really {real}"


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, item.type_name()) for kind in ("modules", "heads") for item in classes(kind)],
)
def test_every_component_says_what_its_batch_norms_see(kind, name):
    """Of modules and heads whose costs are known in closed form; a probe asks the others."""
    for case in cases(kind, name):
        node = case.component
        probed = isinstance(node, Module) and (node.norms_by_probe or node.infer(case.inputs) is None)
        if not probed and not isinstance(case.infer(), Problem):
            a_batch_norm_sees_what_is_said(case)


class Silent(Module):
    """Has a batch norm and does not say so."""

    ports: ClassVar[tuple[Port, ...]] = (Port("input", ("vector",)),)

    def infer(self, inputs):
        return {"output": Shape("vector", (6,))}

    def costs(self, inputs):
        return Costs(12, 0, 6)

    def build(self, inputs):
        return nn.BatchNorm1d(6)


def test_a_norm_that_is_not_said_is_found():
    """A module with a batch norm that says nothing of it breaks the law."""
    with pytest.raises(AssertionError, match="None, really 1"):
        a_batch_norm_sees_what_is_said(Case(Silent(), {"input": (Shape("vector", (6,)),)}, None))
