"""Schedules that react: as torch's own, whatever course a metric takes, and after a kill as if there had been none."""

import json
import math
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from declare.contract.kinds.schedule import PlateauRule
from declare.ir.lr_schedule import LRSchedule
from declare.ir.plan import PhasePlan
from tests.harness import fake_builder

METRIC = "val/digit/loss"
COURSES = st.lists(st.sampled_from([1.0, 0.9, 0.85, 0.5, 0.45, 0.2, 1.3]), min_size=1, max_size=25)
RULES = st.builds(
    PlateauRule,
    metric=st.just(METRIC),
    mode=st.sampled_from(["min", "max"]),
    factor=st.sampled_from([0.5, 0.1]),
    patience=st.integers(0, 4),
    min_delta=st.sampled_from([0.0, 0.07, 0.3]),
    minimum=st.sampled_from([0.0, 0.2]),
)


def following(rule):
    """Return the schedule of a phase that reacts as `rule` says."""
    return LRSchedule(fake_builder.phase(schedule={"type": "plateau"} | rule._asdict()))


def factors(rule, values, rate=None):
    """Return the factor after each evaluation."""
    rate = rate or following(rule)
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
    first = following(rule)
    before = factors(rule, values[:cut], first)
    other = following(rule)
    other.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert before + factors(rule, values[cut:], other) == factors(rule, values)


def test_a_plan_names_the_metric_that_a_schedule_follows():
    """Its own, else the one that picks the best checkpoint: also in a plan that leaves it open."""
    best, own = {"metric": METRIC, "mode": "max"}, {"metric": "val/age/mae", "mode": "min"}
    open_phase = fake_builder.phase(schedule={"type": "plateau"}, best=best)
    stated = fake_builder.phase(schedule={"type": "plateau"} | own, best=best)
    assert [open_phase.schedule["metric"], open_phase.schedule["mode"]] == [METRIC, "max"]
    assert [stated.schedule["metric"], stated.schedule["mode"]] == ["val/age/mae", "min"]
    assert PhasePlan.model_validate(open_phase.model_dump()) == open_phase


def test_a_plan_holds_durations_in_steps():
    """`every: 2 epochs` falls after twice the steps of an epoch; a window of a balance and a share are in steps too."""
    phase = fake_builder.phase(
        schedule={"type": "step", "every": "2 epochs", "gamma": 0.5},
        balance={"type": "dynamic", "every": "1 epochs"},
        steps=20,
        steps_per_epoch=4,
    )
    assert (phase.schedule["every"], phase.balance["every"]) == ("8 steps", "4 steps")
    assert [LRSchedule(phase)(step) for step in (0, 7, 8, 16)] == [1.0, 1.0, 0.5, 0.25]


def test_the_warm_up_comes_first():
    """Asked in any order, each step has the same factor."""
    lr = LRSchedule(fake_builder.phase(schedule={"type": "cosine"}, warmup_steps=4, steps=20))
    values = [lr(step) for step in range(20)]
    assert [lr(step) for step in reversed(range(20))] == values[::-1]
    assert values[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert values[4:] == sorted(values[4:], reverse=True)
    assert values[-1] == pytest.approx(0.0)


def test_what_is_printed_shows_the_first_and_the_last_step():
    """A long phase is shown at 100 steps, a short one at each."""
    phase = partial(fake_builder.phase, schedule={"type": "cosine"}, optimizer={"type": "adamw", "lr": 0.1})
    assert [step for step, _ in LRSchedule(phase(steps=5, warmup_steps=2)).planned_lr()] == [0, 1, 2, 3, 4]
    points = LRSchedule(phase(steps=1000, warmup_steps=100)).planned_lr()
    assert len(points) == 100
    assert (points[0][0], points[-1][0]) == (0, 999)
    assert max(value for _, value in points) == pytest.approx(0.1, rel=1e-3)


def test_an_evaluation_without_a_figure_changes_nothing():
    """A metric that is missing or no number is neither an improvement nor a wait."""
    rate = following(PlateauRule(METRIC, "min", 0.5, 0))
    for metrics in ({METRIC: 1.0}, {}, {METRIC: math.nan}, {METRIC: -math.inf}, {"other": 3.0}):
        rate.observe(metrics)
    assert rate(0) == 1.0
    rate.observe({METRIC: 1.0})
    assert rate(0) == 0.5
