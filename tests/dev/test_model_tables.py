"""The rules that a model's figures are fitted by when the tables are made."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from declare.components.modules import _model_tables
from declare.contract.shapes import Shape
from declare.dev.model_tables import REDUCTIONS, ROUNDINGS, SIZES, TooSlowError, examine, fit, limit, solve

SHARES = st.lists(st.integers(0, 10**9), min_size=len(REDUCTIONS) + 1, max_size=len(REDUCTIONS) + 1)


def _value(shares: list[int], rounding: str, height: int, width: int) -> int:
    rule = ROUNDINGS[rounding]
    places = [rule(height, reduction) * rule(width, reduction) for reduction in REDUCTIONS] + [1]
    return sum(share * area for share, area in zip(shares, places, strict=True))


@given(
    shares=SHARES,
    rounding=st.sampled_from(sorted(ROUNDINGS)),
    height=st.integers(64, 600),
    width=st.integers(64, 600),
)
def test_a_fit_gives_the_cost_at_any_size(shares, rounding, height, width):
    """Costs that are sums over maps are known exactly at sizes that were never measured."""
    values = {size: _value(shares, rounding, size, size) for size in (8, 16, 32, 224, *SIZES)}
    found = fit(values, _value(shares, rounding, 120, 184), rounding)
    assert found is not None
    assert _value(found, rounding, height, width) == _value(shares, rounding, height, width)


@given(shares=SHARES, off=st.integers(1, 10**6))
def test_costs_that_follow_no_rule_have_no_fit(shares, off):
    """One value that is off by any amount leaves no fit: a probe answers instead."""
    values = {size: _value(shares, "ceil", size, size) for size in (8, 16, 32, 224, *SIZES)}
    wide = _value(shares, "ceil", 120, 184)
    assert fit(values | {97: values[97] + off}, wide, "ceil") is None
    assert fit(values, wide + off, "ceil") is None


def test_contradicting_equations_have_no_solution():
    """Equal left sides with different values contradict; free unknowns are 0."""
    one = Fraction(1)
    assert solve([[one, one, Fraction(2)], [one, one, Fraction(3)]]) is None
    assert solve([[one, one, Fraction(2)]]) == [2, 0]


class _Net(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, 8, 3, 2, 1)
        self.last = nn.Conv2d(8, 16, 3, 4, 1)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        y = self.last(self.stem(x))
        return {"output": y.mean((2, 3)), "map": y}


def test_a_record_answers_for_sizes_and_channels_that_were_not_measured():
    """Shapes and costs worked out from a record are those of the real model."""
    from declare.compiler.meta.flop_count import BATCH, measure

    record = {"size": 64} | examine(_Net, 64)
    assert (record["reduction"], record["rounding"], record["stem"], record["least"]) == (8, "ceil", 2, 8)
    real = measure(_Net(7), [torch.zeros(BATCH, 7, 75, 41)])
    costs = _model_tables.costs(record, Shape("image", (7, 75, 41)))
    assert costs == (real.parameters, real.flops, real.activation_bytes)
    found = _model_tables.outputs(None, record, Shape("image", (7, 75, 41)))
    assert {name: shape.dims for name, shape in found.items()} == {
        name: dims for name, (dims, _) in real.outputs.items()
    }


class _Fixed(_Net):
    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        assert x.shape[2:] == (64, 64), "wrong size"
        return super().forward(x)


def test_a_model_of_one_size_is_recorded_as_such():
    """A model that refuses every other size is `fixed`."""
    assert examine(_Fixed, 64)["fixed"] is True


def test_a_slow_model_is_given_up():
    """Whatever takes longer than its limit is stopped."""
    with pytest.raises(TooSlowError), limit(1):
        time.sleep(30)
