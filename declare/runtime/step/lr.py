"""The learning rate's factor at each step: the planned course, lowered where the schedule reacts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch

from declare.ir.plan import PhasePlan
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


class OptimizerLR:
    """The learning rates of an optimizer's parameter groups in a phase."""

    def __init__(self, optimizer: torch.optim.Optimizer, factor: LRFactor, phase: PhasePlan) -> None:
        self._optimizer, self._factor = optimizer, factor
        self._bases = [group["lr"] for group in optimizer.param_groups]
        self._phase_base = float(phase.optimizer["lr"])
        self._group_bases = {group.match: group.lr for group in phase.groups if group.lr != self._phase_base}
        self._last_factor: float | None = None

    def set(self, number: int) -> None:
        """Give each group its learning rate at step `number`."""
        factor = self._factor(number)
        if factor != self._last_factor:
            # Read anew: loading a state gives the optimizer new groups.
            for group, base in zip(self._optimizer.param_groups, self._bases, strict=True):
                group["lr"] = base * factor
            self._last_factor = factor

    @property
    def current(self) -> float:
        """The phase's learning rate as last used: that of parameters whose group states none."""
        return self._phase_base * (1.0 if self._last_factor is None else self._last_factor)

    @property
    def by_group(self) -> dict[str, float]:
        """Pattern -> learning rate as last used, of the groups that state another one than the phase's."""
        factor = 1.0 if self._last_factor is None else self._last_factor
        return {match: base * factor for match, base in self._group_bases.items()}
