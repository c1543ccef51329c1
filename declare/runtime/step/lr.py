"""The learning rate's factor at each step: the planned course, lowered where the schedule reacts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from declare.runtime.run_folder.progress import better


@dataclass(frozen=True)
class Plateau:
    """How a schedule reacts to a metric that no longer improves; `patience` counts evaluations."""

    metric: str
    mode: str
    factor: float
    patience: int
    min_delta: float = 0.0
    minimum: float = 0.0


@dataclass
class _PlateauState:
    best: float = math.nan
    waited: int = 0
    factor: float = 1.0


class LRFactor:
    """Factor of the base learning rates as a function of the step; state only where it reacts to a metric."""

    def __init__(self, planned: Callable[[int], float], plateau: Plateau | None = None) -> None:
        self._planned = planned
        self._plateau = plateau
        self._seen = _PlateauState()

    def __call__(self, step: int) -> float:
        """Return the factor at `step`."""
        return self._planned(step) * self._seen.factor

    def observe(self, metrics: dict[str, float]) -> None:
        """Take in an evaluation; lowers the factor after `patience` of them without improvement."""
        rule, seen = self._plateau, self._seen
        if rule is None or not math.isfinite(value := metrics.get(rule.metric, math.nan)):
            return
        if math.isnan(seen.best) or better(value, seen.best, rule.mode, rule.min_delta):
            seen.best, seen.waited = value, 0
            return
        seen.waited += 1
        if seen.waited > rule.patience:
            seen.factor, seen.waited = max(seen.factor * rule.factor, rule.minimum), 0

    def restart(self) -> None:
        """Compare evaluations anew: from here on they are of another kind; the factor stays."""
        self._seen.best, self._seen.waited = math.nan, 0

    def state_dict(self) -> dict[str, Any]:
        """Return what was seen so far."""
        return asdict(self._seen)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what was seen."""
        self._seen = _PlateauState(**state)
