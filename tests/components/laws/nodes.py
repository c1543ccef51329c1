"""Laws of modules and heads on batches of one shape: what is worked out without torch is what the real one does."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import torch
from torch import Tensor

from declare.contract.kinds.module import Costs
from tests.components.conformance import Case


def outputs_of(module: torch.nn.Module, case: Case) -> dict[str, Tensor]:
    """Return what the module gives, by name."""
    found = module(*case.tensors())
    return found if isinstance(found, dict) else {next(iter(case.infer())): found}


def static_figures_are_those_of_the_real_one(case: Case) -> None:
    """Outputs, parameters, FLOPs and activation bytes worked out without torch are exactly the real ones."""
    real, stated = case.measure(), case.infer()
    found = {name: (shape.dims, shape.dtype) for name, shape in stated.items()}
    assert found == real.outputs, f"{found}, really {real.outputs}"
    assert list(found) == list(real.outputs), "outputs come in another order"
    expected = Costs(real.parameters, real.flops, real.activation_bytes)
    assert case.costs() == expected, f"{case.costs()}, really {expected}"
    assert case.output is None or next(iter(stated.values())).dims == case.output.dims, (
        "not what the target needs"
    )


def one_step_gives_finite_gradients_to_every_parameter(case: Case) -> None:
    """A real batch gives the static shapes; after one backward pass every parameter has a finite gradient."""
    module, stated = case.build().train(), case.infer()
    outputs = outputs_of(module, case)
    shapes = {name: tuple(value.shape[1:]) for name, value in outputs.items()}
    assert shapes == {name: shape.dims for name, shape in stated.items()}, shapes
    if not list(module.parameters()):
        return
    sum(((value - 1) ** 2).mean() for value in outputs.values() if value.is_floating_point()).backward()
    missing = [name for name, weight in module.named_parameters() if weight.grad is None]
    assert missing == [], f"no gradient reaches {missing}"
    assert all(weight.grad.isfinite().all() for weight in module.parameters()), (
        "a gradient that is not finite"
    )
    assert any(weight.grad.abs().sum() > 0 for weight in module.parameters()), "all gradients are 0"


def state_survives_saving_and_copies(case: Case) -> None:
    """A second module with the first one's state, a copy and a pickled one all give the same outputs."""
    module, other = case.build().eval(), case.build(seed=7).eval()
    other.load_state_dict(module.state_dict())
    with torch.no_grad():
        expected = outputs_of(module, case)
        for twin in (other, copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
            for name, value in outputs_of(twin, case).items():
                assert torch.equal(value, expected[name]), f"`{name}` of a copy differs"


def an_evaluation_draws_nothing(case: Case) -> None:
    """In evaluation the same inputs give the same outputs, the state stays, and so does torch's generator."""
    module = case.build().eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    torch.manual_seed(5)
    with torch.no_grad():
        first = outputs_of(module, case)
        drawn = float(torch.rand(()))
        again = outputs_of(module, case)
    torch.manual_seed(5)
    assert drawn == float(torch.rand(())), "an evaluation draws random numbers"
    for name, value in first.items():
        assert torch.equal(value, again[name]), f"`{name}` differs the second time"
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name]), f"an evaluation changes `{name}`"


LAWS: list[Callable[[Case], None]] = [
    static_figures_are_those_of_the_real_one,
    one_step_gives_finite_gradients_to_every_parameter,
    state_survives_saving_and_copies,
    an_evaluation_draws_nothing,
]
