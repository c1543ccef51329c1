"""Learning rate schedules."""

from typing import ClassVar, Literal, NamedTuple

from pydantic import Field as Param

from declare.contract.component import Component
from declare.contract.duration import Duration


class PlateauRule(NamedTuple):
    """Multiplies the learning rate by `factor` after `patience` evaluations without improvement of `metric`."""

    metric: str
    mode: Literal["max", "min"]
    factor: float
    patience: int
    min_delta: float = 0.0
    minimum: float = 0.0
    """The smallest fraction of the base rate."""


class Schedule(Component):
    """The learning rate over a phase: a pure function of the step, after a linear warm-up."""

    warmup: Duration | None = Param(
        None, description="duration of a linear increase from near zero to the base learning rate"
    )
    default: ClassVar[str] = "constant"
    """The type if a phase states none."""
    reactive: ClassVar[bool] = False
    """Whether it follows a metric and so has state; then `multiplier` gives the planned course."""

    def resolve(self, total_steps: int, steps_per_epoch: int) -> "Schedule":
        """Return the schedule with its durations in steps of a phase of `total_steps`."""
        return self

    def follow(self, metric: str, mode: Literal["max", "min"]) -> "Schedule":
        """Return the schedule with a metric to follow, if it states none."""
        return self

    def plateau_rule(self) -> PlateauRule | None:
        """Return how it reacts to a metric; None if it depends only on the step."""
        return None

    def multiplier(self, step: int, total: int) -> float:
        """Return the factor of the base learning rate at `step` of `total` optimizer steps, without the warm-up."""
        raise NotImplementedError
