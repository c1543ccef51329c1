"""Schedules: the learning rate over a phase."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field as Param

from declare.contract.component import Component
from declare.contract.duration import Duration


class Schedule(Component):
    """The learning rate over a phase: a pure function of the step, after a linear warm-up."""

    warmup: Duration | None = Param(None, description="linear rise from near zero")
    reactive: ClassVar[bool] = False
    """Whether it follows a metric (`plateau`) and so has state; then `multiplier` gives the planned course."""

    def settled(self, total_steps: int, steps_per_epoch: int) -> Schedule:
        """Return the schedule with its durations in steps of a phase of `total_steps`."""
        return self

    def multiplier(self, step: int, total: int) -> float:
        """Return the factor of the base rate at optimizer step `step` of `total`, warm-up left out."""
        raise NotImplementedError
