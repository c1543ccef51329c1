"""The learning rate's factor at each step: a linear warm-up, then the schedule's own course."""

from __future__ import annotations

from declare.contract.kinds.schedule import Schedule

_POINTS = 100


def rate(schedule: Schedule, step: int, total: int, warmup_steps: int) -> float:
    """Return the factor of the base rates at optimizer step `step` of a phase of `total` steps.

    The warm-up rises in equal steps from near zero; the first step after it has the schedule's first rate.
    The schedule must be settled (`Schedule.settled`) where it holds durations.
    """
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1) * schedule.multiplier(0, total - warmup_steps)
    return schedule.multiplier(step - warmup_steps, total - warmup_steps)


def curve(
    schedule: Schedule, lr: float, total: int, warmup_steps: int, points: int = _POINTS
) -> tuple[tuple[int, float], ...]:
    """Return the base learning rate at up to `points` steps from the first to the last, evenly spread."""
    count = min(points, total)
    steps = sorted({round(index * (total - 1) / max(count - 1, 1)) for index in range(count)})
    return tuple((step, lr * rate(schedule, step, total, warmup_steps)) for step in steps)
