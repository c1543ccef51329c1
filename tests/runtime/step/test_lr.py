"""Schedules that react: as torch's own, whatever course a metric takes, and after a kill as if there had been none."""

import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from declare.reading import parser
from declare.runtime.setup.builder import _plateau
from declare.runtime.step.lr import LRFactor, Plateau
from tests.harness import fake_parts

METRIC = "val/digit/loss"
COURSES = st.lists(st.sampled_from([1.0, 0.9, 0.85, 0.5, 0.45, 0.2, 1.3]), min_size=1, max_size=25)
RULES = st.builds(
    Plateau,
    metric=st.just(METRIC),
    mode=st.sampled_from(["min", "max"]),
    factor=st.sampled_from([0.5, 0.1]),
    patience=st.integers(0, 4),
    min_delta=st.sampled_from([0.0, 0.07, 0.3]),
    minimum=st.sampled_from([0.0, 0.2]),
)


def factors(rule, values, rate=None):
    """Return the factor after each evaluation."""
    rate = rate or LRFactor(lambda step: 1.0, rule)
    found = []
    for value in values:
        rate.observe({METRIC: value})
        found.append(rate(3))
    return found


def torch_factors(rule, values):
    """Return the rates of torch's own rule at a base rate of 1."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer,
        mode=rule.mode,
        factor=rule.factor,
        patience=rule.patience,
        threshold=rule.min_delta,
        threshold_mode="abs",
        min_lr=rule.minimum,
        eps=0.0,
    )
    found = []
    for value in values:
        scheduler.step(value)
        found.append(optimizer.param_groups[0]["lr"])
    return found


@settings(max_examples=150, deadline=None)
@given(rule=RULES, values=COURSES)
def test_a_plateau_is_torchs(rule, values):
    """Patience, the least improvement that counts and the smallest rate mean what they mean there."""
    assert factors(rule, values) == pytest.approx(torch_factors(rule, values))


@settings(max_examples=60, deadline=None)
@given(rule=RULES, values=COURSES, cut=st.integers(0, 25))
def test_a_run_that_goes_on_remembers_what_the_plateau_saw(rule, values, cut):
    """State that was written down and read by a fresh rate gives the factors of a run without a break."""
    first = LRFactor(lambda step: 1.0, rule)
    before = factors(rule, values[:cut], first)
    other = LRFactor(lambda step: 1.0, rule)
    other.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert before + factors(rule, values[cut:], other) == factors(rule, values)


def test_what_the_spec_says_of_a_plateau_is_what_it_does():
    """Every parameter of the block reaches the rule; the metric is that which picks the best where none is named."""
    block = {"type": "plateau", "factor": 0.3, "patience": 2, "min_delta": 0.05, "minimum": 0.1}
    stated = parser.parse("schedules", block)
    which = fake_parts.phase(schedule=stated.dump(), best={"metric": METRIC, "mode": "max"})
    assert _plateau(which) == Plateau(METRIC, "max", 0.3, 2, 0.05, 0.1)
    own = {"metric": "val/age/mae", "mode": "min"}
    which = fake_parts.phase(schedule=stated.dump() | own, best={"metric": METRIC, "mode": "max"})
    assert _plateau(which) == Plateau("val/age/mae", "min", 0.3, 2, 0.05, 0.1)


def test_an_evaluation_without_a_figure_changes_nothing():
    """A metric that is missing or no number is neither an improvement nor a wait."""
    rate = LRFactor(lambda step: 1.0, Plateau(METRIC, "min", 0.5, 0))
    for metrics in ({METRIC: 1.0}, {}, {METRIC: math.nan}, {METRIC: -math.inf}, {"other": 3.0}):
        rate.observe(metrics)
    assert rate(0) == 1.0
    rate.observe({METRIC: 1.0})
    assert rate(0) == 0.5
