"""Whether a phase can learn: training on one batch repeatedly, with a separate model, before the run."""

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean

import torch

from declare.contract.problem import Problem
from declare.ir.plan import PhasePlan, Plan
from declare.parsing.read_component import read_component
from declare.runtime.setup.auto import AutoSettings
from declare.runtime.setup.builder import PlanBuilder
from declare.runtime.setup.phase import assemble, trainable

STEPS = 40
_FEW_STEPS = 8
_FALL = 0.002
"""The share of its first value by which some loss of one batch must fall."""
_LAST = 5
"""Steps whose losses are averaged at the end: dropout makes them vary."""
_WIDE = 4.0
"""A first loss further off than this factor is not that of a model that knows nothing."""


@dataclass(frozen=True)
class Trial:
    """What became of one batch in a phase: its loss at first and at the end, and each part of it."""

    phase: str
    first: float
    last: float
    starts: Mapping[str, tuple[float, float | None]]
    """Name of a loss -> (its value at first, about what a model that knows nothing gives)."""
    ends: Mapping[str, float]
    """Name of a loss of a task -> its value at the end."""

    @property
    def falls(self) -> bool:
        """Whether some loss of a task fell: that of all may rise, where a balance changes weights."""
        starts = {name: self.starts[name][0] for name in self.ends}
        return math.isfinite(self.last) and any(
            starts[name] - end > _FALL * abs(starts[name]) for name, end in self.ends.items()
        )

    @property
    def odd(self) -> dict[str, tuple[float, float]]:
        """Losses that start far from what is expected."""
        return {
            name: (value, expected)
            for name, (value, expected) in self.starts.items()
            if expected is not None and not expected / _WIDE <= value <= expected * _WIDE
        }


def trials(
    plan: Plan, device: torch.device, steps: int = STEPS, *, budget_seconds: float = math.inf
) -> Iterator[Trial]:
    """Yield the trial of each phase in turn, each from fresh weights; nothing of it is kept.

    A phase makes `steps` steps, or, once these take longer than `budget_seconds`, no more than a few.
    """
    torch.manual_seed(plan.seed)
    builder = PlanBuilder(plan, None, device)
    trained_names = trainable(builder.graph)
    fresh = {name: value.clone() for name, value in builder.graph.state_dict().items()}
    for phase in plan.phases:
        builder.graph.load_state_dict(fresh)
        auto = (AutoSettings(plan, None, device), lambda *_: None)
        setup = assemble(plan, builder, phase, trainable_names=trained_names, auto=auto)
        batch = next(iter(setup.loader.batches(0, 1)))
        builder.graph.train()
        losses, history, start = [], [], time.perf_counter()
        for number in range(min(steps, max(2, phase.steps - phase.warmup_steps))):
            if number >= _FEW_STEPS and time.perf_counter() - start > budget_seconds:
                break
            # After the warm-up, where the rate is what the spec asks for.
            loss, terms = setup.train_step(min(phase.warmup_steps + number, phase.steps - 1), batch)
            losses.append(float(loss))
            history.append(dict(zip(setup.config.objective.names, terms.tolist(), strict=True)))
        starts = {name: (value, _expected_loss(plan, phase, name)) for name, value in history[0].items()}
        last = history[max(1, len(history) - _LAST) :]
        ends = {
            name: fmean(terms[name] for terms in last)
            for name in starts
            if name.partition("/")[0] in phase.tasks
        }
        yield Trial(phase.name, losses[0], losses[-1], starts, ends)


def _expected_loss(plan: Plan, phase: PhasePlan, name: str) -> float | None:
    """Return about what a loss should start at."""
    task, _, part = name.partition("/")
    if task not in phase.tasks:
        return None
    task_plan = plan.tasks[task]
    losses = [loss for loss in task_plan.losses if not part or loss.name == part]
    if len(losses) != 1:
        return None
    targets = [task_plan.target_of(dataset) for dataset in task_plan.datasets]
    expectations = [read_component("losses", losses[0].block).untrained_loss(target) for target in targets]
    values = [value for value in expectations if value is not None]
    return sum(values) / len(values) if values and len(values) == len(expectations) else None


def problem(trial: Trial) -> Problem | None:
    """Return the finding (PHS624) that a phase does not learn one batch."""
    if trial.falls:
        return None
    return Problem(
        "PHS624",
        f"phase `{trial.phase}` does not learn one batch: no loss falls by {_FALL:.1%}",
        at=f"phases.{trial.phase}",
        label="learns nothing",
        notes=(
            "the same batch was trained again and again, from new weights",
            *(
                f"`{name}` goes from {trial.starts[name][0]:.4g} to {end:.4g}"
                for name, end in trial.ends.items()
            ),
        ),
        helps=(
            "look at the learning rate first, then at what is frozen",
            "then at the data: `dcl data check`, and whether inputs and targets belong together",
        ),
    )


def warning(trial: Trial) -> Problem | None:
    """Return the finding (PHS625) that a loss starts far from that of a model that knows nothing."""
    if not trial.odd:
        return None
    name, (value, expected) = next(iter(trial.odd.items()))
    return Problem(
        "PHS625",
        f"`{name}` starts at {value:.4g} in phase `{trial.phase}`, about {expected:.4g} is expected",
        at=f"phases.{trial.phase}",
        label="an odd start",
        notes=("a model that knows nothing yet gives even chances, or the mean",),
        helps=("look at the scale of the inputs (`standardize`, `normalize`) and at pretrained weights",),
    )
