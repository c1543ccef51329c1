"""Laws of regularizers: penalties on parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from declare.parsing.lookup import own_names
from tests.components.conformance import variants
from tests.components.laws.samples import generator

SHAPES = ((4,), (3, 5), (4, 3, 5), (2, 3, 4, 4))


def parameters(seed: int = 0) -> list[Tensor]:
    """Return a bias, a matrix and kernels of one and two axes."""
    draws = generator(seed)
    return [torch.randn(shape, generator=draws).requires_grad_() for shape in SHAPES]


def it_is_a_number_that_is_not_negative(rule: Any) -> None:
    """A penalty is one finite number, 0 or more; 0 where there is nothing to penalise."""
    value = rule(parameters())
    assert value.shape == (), f"a penalty of shape {tuple(value.shape)}"
    assert value.isfinite(), f"a penalty of {value.item()}"
    assert value.item() >= 0, f"a penalty of {value.item()}"
    assert rule([]).item() == 0.0, "a penalty on nothing"


def zeros_cost_nothing(rule: Any) -> None:
    """Parameters of 0 have a penalty of 0 and a gradient of 0, which is a number."""
    zeros = [torch.zeros(shape, requires_grad=True) for shape in SHAPES]
    value = rule(zeros)
    value.backward()
    assert value.item() == 0.0, f"zeros cost {value.item()}"
    for item in zeros:
        assert item.grad is None or bool((item.grad == 0).all()), "a gradient at 0"


def a_step_down_the_gradient_lowers_it(rule: Any) -> None:
    """The gradient is finite, and a small step against it gives a smaller penalty."""
    items = parameters()
    before = rule(items)
    before.backward()
    slopes = [torch.zeros_like(item) if item.grad is None else item.grad for item in items]
    assert all(slope.isfinite().all() for slope in slopes), "a gradient that is not finite"
    with torch.no_grad():
        after = rule([item - 1e-3 * slope for item, slope in zip(items, slopes, strict=True)])
    assert after.item() < before.item(), "the gradient does not lower the penalty"


def parameters_add_up(rule: Any) -> None:
    """The penalty of several parameters is the sum of theirs, whichever order they come in."""
    items = parameters()
    alone = sum(rule([item]).item() for item in items)
    assert rule(items).item() == pytest.approx(alone, rel=1e-5), "not the sum over parameters"
    assert rule(items[::-1]).item() == pytest.approx(alone, rel=1e-5), "another order, another penalty"


def autocast_rounds_nothing(rule: Any) -> None:
    """Under autocast the penalty is that of single precision."""
    items = parameters()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = rule(items)
    assert found.dtype == torch.float32, f"a penalty in {found.dtype}"
    assert found.item() == pytest.approx(rule(items).item(), rel=1e-5)


LAWS: list[Callable[[Any], None]] = [
    it_is_a_number_that_is_not_negative,
    zeros_cost_nothing,
    a_step_down_the_gradient_lowers_it,
    parameters_add_up,
    autocast_rounds_nothing,
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", own_names("regularizers"))
def test_every_regularizer_keeps_the_law(name, law):
    """In every variant."""
    for block in variants("regularizers", name):
        law(block.build())


class Right(nn.Module):
    def forward(self, items):
        return torch.stack([item.square().sum() for item in items]).sum() if items else torch.zeros(())


class Signed(Right):
    def forward(self, items):
        return -super().forward(items)


class FromOne(Right):
    def forward(self, items):
        return super().forward(items) + len(items)


class Detached(Right):
    def forward(self, items):
        return super().forward([item.detach() + 0 * item for item in items])


class Averaged(Right):
    def forward(self, items):
        return super().forward(items) / max(1, len(items))


class Rounded(Right):
    def forward(self, items):
        return (
            torch.stack([item.flatten() @ item.flatten() for item in items]).sum().float()
            if items
            else torch.zeros(())
        )


BROKEN: dict[Callable[[Any], None], type[nn.Module]] = {
    it_is_a_number_that_is_not_negative: Signed,
    zeros_cost_nothing: FromOne,
    a_step_down_the_gradient_lowers_it: Detached,
    parameters_add_up: Averaged,
    autocast_rounds_nothing: Rounded,
}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_law_can_fail(law):
    """A penalty that breaks the law does not pass; one that keeps it does."""
    with pytest.raises(AssertionError):
        law(BROKEN[law]())
    law(Right())
