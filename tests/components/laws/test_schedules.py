"""Laws of schedules: the learning rate as a function of the step alone."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest

from declare.contract.kinds.schedule import Schedule
from declare.ir.lr_schedule import LRSchedule
from declare.parsing.lookup import own_names
from tests.components.conformance import variants
from tests.harness.fake_builder import phase

LENGTHS = (1, 2, 3, 10, 101)


def course(schedule: Schedule, total: int, warmup: int = 0) -> list[float]:
    """Return the factor of the base rate at each step of a phase of ten epochs."""
    lr = LRSchedule(phase(steps=total, warmup_steps=warmup))
    lr._component = schedule.resolve(total, max(1, total // 10))
    return [lr(step) for step in range(total)]


def the_step_alone_decides(schedule: Schedule) -> None:
    """Asked again, in any order, as a run that goes on after a kill does, each step has the same factor."""
    resolved = schedule.resolve(50, 5)
    before = [resolved.multiplier(step, 50) for step in range(50)]
    order = list(range(50))
    random.Random(0).shuffle(order)
    again = {step: resolved.multiplier(step, 50) for step in order}
    assert [again[step] for step in range(50)] == before, "a step has two factors"


def factors_lie_between_nothing_and_the_base_rate(schedule: Schedule) -> None:
    """For phases of any length no factor is negative, above 1 or no number."""
    for total in LENGTHS:
        for factor in course(schedule, total):
            assert math.isfinite(factor), f"{factor} in a phase of {total}"
            assert 0 <= factor <= 1 + 1e-12, f"{factor} in a phase of {total}"


def the_base_rate_is_reached(schedule: Schedule) -> None:
    """Somewhere in a phase the rate is the one that the optimizer states."""
    assert max(course(schedule, 200)) == pytest.approx(1.0, abs=0.01)


def the_warm_up_rises_to_the_first_rate(schedule: Schedule) -> None:
    """It rises in equal steps, from above 0 to the rate with which the schedule itself begins."""
    resolved = schedule.resolve(60, 6)
    found = course(schedule, 60, 9)
    steps = [after - before for before, after in zip([0.0, *found[:9]], found[:10], strict=True)]
    assert min(steps) > 0, "the warm-up does not rise"
    assert steps == pytest.approx([steps[0]] * 10), "the warm-up rises in uneven steps"
    assert found[9] == pytest.approx(resolved.multiplier(0, 51)), "the first rate after it is another"


def the_course_fits_the_phase(schedule: Schedule) -> None:
    """In a phase ten times as long the same share of it has about the same rate: it ends where the phase does."""
    short, long = course(schedule, 200), course(schedule, 2000)
    for share in (0.0, 0.02, 0.15, 0.45, 0.75, 0.98, 1.0):
        near = short[round(share * 199)], long[round(share * 1999)]
        assert near[0] == pytest.approx(near[1], abs=0.05), f"{near} after {share:.0%} of the phase"


LAWS: list[Callable[[Any], None]] = [
    the_step_alone_decides,
    factors_lie_between_nothing_and_the_base_rate,
    the_base_rate_is_reached,
    the_warm_up_rises_to_the_first_rate,
    the_course_fits_the_phase,
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", own_names("schedules"))
def test_every_schedule_keeps_the_law(name, law):
    """In every variant."""
    for schedule in variants("schedules", name):
        law(schedule)


class Right(Schedule):
    def multiplier(self, step, total):
        return 1 - step / (total + 1)


class Counting(Right):
    """Counts how often it is asked instead of reading the step."""

    def multiplier(self, step, total, seen=[0]):  # noqa: B006 - the fault
        seen[0] += 1
        return 1 / seen[0]


class Negative(Right):
    def multiplier(self, step, total):
        return 1 - 2 * step / total


class Halved(Right):
    def multiplier(self, step, total):
        return 0.5


class FromZero(Right):
    def multiplier(self, step, total):
        return min(1.0, step / max(1, total // 2))


class Absolute(Right):
    """Ends after 100 steps, however long the phase is."""

    def multiplier(self, step, total):
        return max(0.0, 1 - step / 100)


BROKEN: dict[Callable[[Any], None], type[Schedule]] = {
    the_step_alone_decides: Counting,
    factors_lie_between_nothing_and_the_base_rate: Negative,
    the_base_rate_is_reached: Halved,
    the_warm_up_rises_to_the_first_rate: FromZero,
    the_course_fits_the_phase: Absolute,
}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_law_can_fail(law):
    """A schedule that breaks the law does not pass; one that keeps it does."""
    with pytest.raises(AssertionError):
        law(BROKEN[law]())
    law(Right())
