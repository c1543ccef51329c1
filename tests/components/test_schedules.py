"""Schedules against torch's own, and the laws that all of them keep."""

import warnings

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from declare.ir.lr_schedule import LRSchedule
from declare.parsing import parser
from declare.parsing.lookup import own_names
from tests.harness.fake_builder import phase

BLOCKS = {"step": {"type": "step", "every": "3 steps"}}


def schedule(block):
    """Return a settled schedule."""
    return parser.parse("schedules", block).resolve(100, 10)


def torch_rates(make, total):
    """Return the rates of a torch scheduler with a base rate of 1."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduler = make(optimizer)
        found = []
        for _ in range(total):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
    return found


@pytest.mark.parametrize("total", [2, 10, 37])
@pytest.mark.parametrize(
    ("block", "make"),
    [
        (
            {"type": "cosine", "final": 0.1},
            lambda opt, n: torch.optim.lr_scheduler.CosineAnnealingLR(opt, n - 1, eta_min=0.1),
        ),
        (
            {"type": "linear", "final": 0.2},
            lambda opt, n: torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.2, total_iters=n - 1),
        ),
        (
            {"type": "polynomial", "power": 2.0},
            lambda opt, n: torch.optim.lr_scheduler.PolynomialLR(opt, n - 1, power=2.0),
        ),
        (BLOCKS["step"], lambda opt, n: torch.optim.lr_scheduler.StepLR(opt, 3)),
        (
            {"type": "exponential", "final": 0.01},
            lambda opt, n: torch.optim.lr_scheduler.ExponentialLR(opt, 0.01 ** (1 / (n - 1))),
        ),
        ("constant", lambda opt, n: torch.optim.lr_scheduler.ConstantLR(opt, 1.0)),
    ],
)
def test_rates_are_those_of_torch(block, make, total):
    """At every step of a phase; the last step has the final rate."""
    item = schedule(block)
    expected = torch_rates(lambda optimizer: make(optimizer, total), total)
    assert [item.multiplier(step, total) for step in range(total)] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("total", [10, 37, 200])
def test_one_cycle_is_torchs(total):
    """The same rise, peak and fall as OneCycleLR."""
    item = schedule("one_cycle")
    expected = torch_rates(
        lambda optimizer: torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.0, total, cycle_momentum=False),
        total,
    )
    assert [item.multiplier(step, total) for step in range(total)] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", own_names("schedules"))
@given(total=st.integers(1, 300), warmup=st.integers(0, 300))
def test_rates_stay_between_0_and_the_base_rate(name, total, warmup):
    """Whatever the length of phase and warm-up, no rate is negative or above the base rate."""
    warmup = min(warmup, total - 1)
    block = BLOCKS.get(name, {"type": name})
    lr = LRSchedule(phase(schedule=block, steps=total, warmup_steps=warmup))
    values = [lr(step) for step in range(total)]
    assert all(0 <= value <= 1 + 1e-12 for value in values)
    assert values[:warmup] == sorted(values[:warmup])
