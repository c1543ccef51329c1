"""Every head: its page, its static shapes and costs against the real one, and its training."""

from __future__ import annotations

import pytest
import torch

from declare.contract import lookup
from declare.contract.module import Costs
from declare.contract.problem import Problem
from declare.contract.reading import parse
from declare.contract.shapes import Shape
from tests.components import conformance
from tests.components.conformance import SAMPLES, Case

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


def _cases() -> list[Case]:
    found = []
    for cls in conformance.classes("heads"):
        component = parse("heads", conformance.example("heads", cls.type_name()))
        cases = [case for output in OUTPUTS for case in conformance.fitting(component, output)]
        good = [case for case in cases if not isinstance(case.infer(), Problem)]
        assert good, f"`{cls.type_name()}` refuses every output for every layout that it takes"
        found += good
    hidden = lookup.find("heads", "segmentation")(hidden=6)
    return [*found, Case(hidden, {"input": (SAMPLES["image"],)}, Shape("image", (3, 24, 24)))]


CASES = _cases()
every_case = pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])


@every_case
def test_static_shapes_and_costs_are_those_of_the_real_head(case):
    """Outputs, parameters, FLOPs and activation bytes worked out without torch are exactly the real ones."""
    real = case.measure()
    found = case.infer()
    assert next(iter(found.values())) == case.output
    assert {name: shape.dims for name, shape in found.items()} == {
        name: dims for name, (dims, _) in real.outputs.items()
    }
    assert case.costs() == Costs(real.parameters, real.flops, real.activation_bytes)


@every_case
def test_one_step_gives_finite_gradients_to_every_parameter(case):
    """After one backward pass every parameter has a finite gradient, and some are not zero."""
    module = case.build().train()
    outputs = module(*case.tensors())
    values = list(outputs.values()) if isinstance(outputs, dict) else [outputs]
    if not list(module.parameters()):
        return
    sum(((value - 1) ** 2).mean() for value in values).backward()
    assert [name for name, weight in module.named_parameters() if weight.grad is None] == []
    assert all(weight.grad.isfinite().all() for weight in module.parameters())
    assert any(weight.grad.abs().sum() > 0 for weight in module.parameters())


@every_case
def test_state_survives_saving(case):
    """A second head with the first one's state gives the same outputs."""
    module = case.build().eval()
    torch.manual_seed(7)
    other = case.component.build(case.inputs, case.output).eval()
    other.load_state_dict(module.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(other(*case.tensors()), module(*case.tensors()), rtol=0, atol=0)


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
