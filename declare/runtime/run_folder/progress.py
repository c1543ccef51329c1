"""The progress of a run: its position, where phases ended, which checkpoints are the best."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from declare.ir.lr_schedule import is_better
from declare.ir.plan import BestPlan


@dataclass
class Best:
    """The best evaluation of a phase and the checkpoint (by its total step) that gave it."""

    metric: str
    value: float
    total: int


@dataclass
class TrainProgress:
    """Position and marks, all in optimizer steps; `total` counts over phases. Part of every checkpoint."""

    index: int = 0
    phase: str = ""
    step: int = 0
    total: int = 0
    finished: bool = False
    """Whether the phase at `index` is over."""
    skipped: int = 0
    """Batches that the phase left out."""
    updates: int = 0
    """Optimizer updates of the phase that were really made."""
    best: dict[str, Best] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)
    """Phase -> total step of its last checkpoint."""
    probes: dict[str, dict[str, float]] = field(default_factory=dict)
    """Phase -> metrics of its probes."""
    evaluated_at: dict[str, int] = field(default_factory=dict)
    """Image field -> its shorter edge in pixels in evaluations, if a phase with scales left the model at one."""

    evaluation_due: bool = False
    """Whether the run was stopped at a step whose evaluation is still to come."""

    def enter(self, index: int, phase: str) -> None:
        """Begin a phase at its first step."""
        self.index, self.phase = index, phase
        self.step = self.skipped = self.updates = 0
        self.finished = self.evaluation_due = False

    def improves(self, rule: BestPlan, metrics: dict[str, float]) -> bool:
        """Whether `metrics` beat the phase's best so far; if so it is remembered."""
        value = metrics.get(rule.metric, math.nan)
        if not math.isfinite(value):
            return False
        before = self.best.get(self.phase)
        if before is not None and not is_better(value, before.value, rule.mode):
            return False
        self.best[self.phase] = Best(rule.metric, value, self.total)
        return True

    def phase_checkpoint(self, phase: str) -> int | None:
        """Return the total step of the checkpoint that stands for a phase: its best, else its last."""
        best = self.best.get(phase)
        return best.total if best else self.ends.get(phase)

    @property
    def protected_steps(self) -> set[int]:
        """Total steps of checkpoints that must never go: the best of each phase and each phase's end."""
        return {best.total for best in self.best.values()} | set(self.ends.values())

    def state_dict(self) -> dict[str, Any]:
        """Return the course as plain values."""
        return asdict(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Load the progress; raises ValueError, TypeError or LookupError if it is invalid."""
        fresh = asdict(TrainProgress())
        defaults: dict[str, Any] = {"evaluated_at": {}, "evaluation_due": False}
        state = defaults | state
        best = {name: Best(**value) for name, value in state["best"].items()}
        alike = all(type(state[name]) is type(value) for name, value in fresh.items())
        sizes = state["evaluated_at"].values()
        totals = [*sizes, *(item.total for item in best.values()), *state["ends"].values()]
        if state.keys() != fresh.keys() or not alike or not all(isinstance(total, int) for total in totals):
            raise ValueError("it is not the progress of a run")
        self.__dict__.update(state | {"best": best})

    @classmethod
    def of(cls, state: Any) -> "TrainProgress":
        """Return the progress in a state's plain values; raises ValueError if there is none."""
        progress = cls()
        try:
            progress.load_state_dict(state["course"])
        except (LookupError, TypeError, AttributeError) as error:
            raise ValueError("it contains no progress of a run") from error
        return progress
