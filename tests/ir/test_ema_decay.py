"""What an average of weights is made of, against the sum itself."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from declare.ir.ema_decay import decay_at, has_new_statistics, shares


def _weights(updates, decay, warmup):
    """Return the weight of the first weights, then of those after each update."""
    weights = [1.0]
    for number in range(updates):
        kept = decay_at(number, decay, warmup=warmup)
        weights = [kept * weight for weight in weights] + [1 - kept]
    return weights


@pytest.mark.parametrize("warmup", [True, False])
@pytest.mark.parametrize("decay", [0.05, 0.5, 0.99, 0.999])
@pytest.mark.parametrize("updates", [1, 2, 7, 90, 1500])
def test_shares_are_those_of_the_sum(updates, decay, warmup):
    """First, last and half are the weights that the recursion gives."""
    weights = _weights(updates, decay, warmup)
    found = shares(updates, decay, warmup=warmup)
    assert found.first == pytest.approx(weights[0], rel=1e-9)
    assert found.last == pytest.approx(weights[-1], rel=1e-9)
    if found.half is None:
        assert weights[0] > 0.5
        return
    assert sum(weights[-found.half :]) >= 0.5 - 1e-9
    assert found.half == 1 or sum(weights[1 - found.half :]) < 0.5


def test_long_phases_cost_nothing():
    """A billion updates are as quick as one."""
    found = shares(10**9, 0.999999, warmup=True)
    assert found.first < 1e-300
    assert found.half == 693_147


def test_a_decay_of_0_99_takes_890_updates():
    """With a warm-up the decay is what it should be after 890 updates, without one at once."""
    assert decay_at(889, 0.99, warmup=True) < 0.99
    assert decay_at(890, 0.99, warmup=True) == 0.99
    assert decay_at(0, 0.99, warmup=False) == 0.99


@pytest.mark.parametrize(
    ("before", "after", "is_new"),
    [
        ({}, {}, False),
        ({"datasets": ("other",)}, {}, True),
        ({"scales": "8, 16"}, {}, True),
        ({}, {"scales": "8, 16"}, True),
        ({}, {"init": ("file",)}, True),
    ],
)
def test_phases_that_begin_with_statistics_of_something_else(before, after, is_new):
    """A phase continues on the statistics of the one before if datasets and sizes are the same; the first one never."""
    usual = {"datasets": ("data",), "scales": None, "init": ()}
    plan = SimpleNamespace(phases=[SimpleNamespace(**usual | before), SimpleNamespace(**usual | after)])
    assert has_new_statistics(plan, 0)
    assert has_new_statistics(plan, 1) is is_new
