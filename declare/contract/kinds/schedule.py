"""Schedules: the learning rate over a phase."""

from typing import ClassVar, Literal, NamedTuple

from pydantic import Field as Param

from declare.contract.component import Component
from declare.contract.duration import Duration


class PlateauRule(NamedTuple):
    """The rate falls by `factor` after `patience` evaluations in which `metric` did not improve by `min_delta`."""

    metric: str
    mode: Literal["max", "min"]
    factor: float
    patience: int
    min_delta: float = 0.0
    minimum: float = 0.0
    """The smallest share of the base rate."""


class Schedule(Component):
    """The learning rate over a phase: a pure function of the step, after a linear warm-up."""

    warmup: Duration | None = Param(None, description="linear rise from near zero")
    default: ClassVar[str] = "constant"
    """The type where a phase states none."""
    reactive: ClassVar[bool] = False
    """Whether it follows a metric and so has state; then `multiplier` gives the planned course."""

    def resolve(self, total_steps: int, steps_per_epoch: int) -> "Schedule":
        """Return the schedule with its durations in steps of a phase of `total_steps`."""
        return self

    def follow(self, metric: str, mode: Literal["max", "min"]) -> "Schedule":
        """Return the schedule with the metric that it follows where it names none."""
        return self

    def plateau_rule(self) -> PlateauRule | None:
        """Return how it reacts to a metric; None where the step alone decides."""
        return None

    def multiplier(self, step: int, total: int) -> float:
        """Return the factor of the base rate at optimizer step `step` of `total`, warm-up left out."""
        raise NotImplementedError
