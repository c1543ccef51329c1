"""The learning rate of a phase as a function of the step: what is trained with, printed and reported."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from declare.ir.plan import PhasePlan
from declare.parsing.read_component import read_component


def is_better(value: float, than: float, mode: str, margin: float = 0.0) -> bool:
    """Return whether `value` is better than `than` by more than `margin`."""
    return value > than + margin if mode == "max" else value < than - margin


@dataclass
class _PlateauState:
    best: float = math.nan
    waited: int = 0
    factor: float = 1.0


class LRSchedule:
    """`schedule(step)` is the factor of the base learning rate of each group at an optimizer step.

    A linear warm-up, then the phase's schedule; a schedule that follows a metric has state, takes in
    evaluations with `observe`, and lowers the factor as torch.optim.lr_scheduler.ReduceLROnPlateau does.
    """

    def __init__(self, phase: PhasePlan) -> None:
        self._component = read_component("schedules", phase.schedule)
        self._rule = self._component.plateau_rule()
        self._steps, self._warmup = phase.steps, phase.warmup_steps
        self._lr = float(phase.optimizer["lr"])
        self._plateau = _PlateauState()

    def __call__(self, step: int) -> float:
        """Return the factor at `step`."""
        return self.planned_factor(step) * self._plateau.factor

    def planned_factor(self, step: int) -> float:
        """Return the factor at `step` if no metric lowers it.

        The warm-up rises in equal steps from near zero; the first step after it has the schedule's first rate.
        """
        total = self._steps - self._warmup
        if step < self._warmup:
            return (step + 1) / (self._warmup + 1) * self._component.multiplier(0, total)
        return self._component.multiplier(step - self._warmup, total)

    def planned_lr(self, points: int = 100) -> tuple[tuple[int, float], ...]:
        """Return the base learning rate at up to `points` steps from the first to the last, evenly spread."""
        count = min(points, self._steps)
        steps = {round(index * (self._steps - 1) / max(count - 1, 1)) for index in range(count)}
        return tuple((step, self._lr * self.planned_factor(step)) for step in sorted(steps))

    def observe(self, metrics: Mapping[str, float]) -> None:
        """Take in an evaluation; lowers the factor after `patience` of them without improvement."""
        rule, state = self._rule, self._plateau
        if rule is None or not math.isfinite(value := metrics.get(rule.metric, math.nan)):
            return
        if math.isnan(state.best) or is_better(value, state.best, rule.mode, rule.min_delta):
            state.best, state.waited = value, 0
            return
        state.waited += 1
        if state.waited > rule.patience:
            state.factor, state.waited = max(state.factor * rule.factor, rule.minimum), 0

    def restart(self) -> None:
        """Start comparing evaluations again, since they change in kind; the factor stays."""
        self._plateau.best, self._plateau.waited = math.nan, 0

    def state_dict(self) -> dict[str, Any]:
        """Return what was observed so far."""
        return asdict(self._plateau)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what was observed."""
        self._plateau = _PlateauState(**state)
