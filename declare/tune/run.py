"""Running a search: points checked first, then trials by one or several processes, then what they came to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from declare.compiler.pipeline import CheckedSpec
from declare.diagnostics.diagnostic import Diagnostic
from declare.language.spec import Tune
from declare.runtime.distributed.exit_codes import DONE, FAILED, STOPPED
from declare.runtime.resume.plan_diff import Change
from declare.runtime.run_folder.lock import RunLock
from declare.tune import search_results
from declare.tune.resume import resume_search
from declare.tune.search import Search, Trial, best, create, invalid_points
from declare.tune.search_signals import SearchStop
from declare.tune.space import Values, as_written

Emit = Callable[[Trial], None]


class Engine(Protocol):
    """What runs trials."""

    def work(self, emit: Emit, stop: SearchStop) -> bool:
        """Run trials until there are enough; False if the search was asked to stop."""
        ...

    def trials(self) -> list[Trial]:
        """Return all trials so far."""
        ...

    def importance(self) -> dict[str, float]:
        """Return how much of the variance of the metric each path explains, if the engine can compute it."""
        ...


@dataclass(frozen=True)
class SearchOutcome:
    """What became of a search: `status` is the exit status.

    0 done, 4 no trial came to its end or one could not be run, 75 stopped.
    """

    folder: Path
    trials: tuple[Trial, ...]
    best: Trial | None
    best_spec: Path | None
    status: int
    importance: dict[str, float] = field(default_factory=dict)


class InvalidPointError(Exception):
    """The spec is invalid at points of the space; `points` are these, with the reasons."""

    def __init__(self, points: Sequence[tuple[Values, Diagnostic]]) -> None:
        super().__init__(f"the spec is not valid at {len(points)} points of the search")
        self.points = tuple(points)


def search(
    spec_search: Search,
    checked: CheckedSpec,
    *,
    resume: bool = False,
    workers: int | None = None,
    emit: Emit = lambda _: None,
    on_change: Callable[[Change], None] = lambda _: None,
) -> SearchOutcome:
    """Run the search of a checked spec, in a new folder or continuing the one in its folder.

    `workers` None is one process, and on Ray as many as there is room for. `emit` gets trials that have ended,
    `on_change` harmless changes of a spec whose search continues.

    Raises:
        InvalidPointError: The spec is not valid at some points of the space; nothing was run.
        ProblemError: RES803, RES805, RES806 or RES808 of the folder, RES852 if the engine is not installed.
    """
    assert checked.spec is not None
    assert checked.spec.tune is not None
    tune = as_written(checked.spec.tune)
    points = list(invalid_points(spec_search, tune))
    if points:
        raise InvalidPointError(points)
    spec_search = resume_search(spec_search, checked, on_change) if resume else create(spec_search, checked)
    if spec_search.trials is not None:
        tune = tune.model_copy(update={"trials": spec_search.trials})
    with RunLock(spec_search.folder), SearchStop() as stop:
        engine, ended = _work(spec_search, tune, checked, workers, emit, stop)
        return _outcome(spec_search, tune, engine, ended=ended)


def _work(
    spec_search: Search, tune: Tune, checked: CheckedSpec, workers: int | None, emit: Emit, stop: SearchStop
) -> tuple[Engine, bool]:
    """Return what ran the trials, and whether it came to its end."""
    plan = checked.plan
    assert plan is not None
    steps = sum(phase.steps for phase in plan.phases)
    accelerator = plan.hardware.accelerator
    if tune.engine == "ray":
        from declare.tune.engines.ray import RayEngine

        cluster = RayEngine(spec_search, tune, plan.seed, steps, accelerator=accelerator, workers=workers)
        return cluster, cluster.work(emit, stop)
    from declare.tune.engines.optuna import OptunaEngine

    engine = OptunaEngine(spec_search, tune, plan.seed, steps)
    if workers is None or workers == 1:
        return engine, engine.work(emit, stop)
    from declare.tune.workers import Workers, cards, environments

    return engine, Workers(spec_search, environments(workers, cards(accelerator))).run(engine, stop, emit)


def _outcome(search: Search, tune: Tune, engine: Engine, *, ended: bool) -> SearchOutcome:
    trials, importance = engine.trials(), engine.importance()
    if not ended:
        trials = [replace(it, state="stopped") if it.state == "running" else it for it in trials]
    winner = best(trials, tune.mode)
    written = search_results.write(search, tune, trials, importance)
    undone = winner is None or any(trial.state in {"broken", "running"} for trial in trials)
    status = STOPPED if not ended else FAILED if undone else DONE
    return SearchOutcome(search.folder, tuple(trials), winner, written, status, importance)
