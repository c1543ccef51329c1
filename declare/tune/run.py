"""Running a search: points checked first, then trials by one or several processes, then what they came to."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from declare.compiler.pipeline import Checked
from declare.diagnostics.diagnostic import Diagnostic
from declare.language.spec import Tune
from declare.runtime.lock import RunLock
from declare.runtime.stopping import StopFlag
from declare.tune import results
from declare.tune.search import Search, Trial, best, create, invalid_points, resumed
from declare.tune.space import Values

DONE, FAILED, STOPPED = 0, 4, 75
_POLL_SECONDS = 0.3
Emit = Callable[[Trial], None]


class Engine(Protocol):
    """What runs trials."""

    def work(self, emit: Emit, *, adopt: bool = False) -> bool:
        """Run trials until there are enough; False where the search was asked to stop."""
        ...

    def trials(self) -> list[Trial]:
        """Return all trials so far."""
        ...

    def importance(self) -> dict[str, float]:
        """Return how much of the value each path explains, where the engine can tell."""
        ...


@dataclass(frozen=True)
class SearchOutcome:
    """What became of a search: `status` is the exit status (0 done, 4 no trial came to its end, 75 stopped)."""

    folder: Path
    trials: tuple[Trial, ...]
    best: Trial | None
    best_spec: Path | None
    status: int
    importance: dict[str, float] = field(default_factory=dict)


class InvalidPointError(Exception):
    """The spec is not valid at points of the space; `found` says at which and why."""

    def __init__(self, found: Sequence[tuple[Values, Diagnostic]]) -> None:
        super().__init__(f"the spec is not valid at {len(found)} points of the search")
        self.found = tuple(found)


def search(
    made: Search, checked: Checked, *, resume: bool = False, workers: int = 1, emit: Emit = lambda _: None
) -> SearchOutcome:
    """Run the search that a checked spec describes, in a new folder or from where the one in its folder stands.

    Raises:
        InvalidPointError: The spec is not valid at some points of the space; nothing was run.
        ProblemError: RES803, RES805, RES806 or RES808 of the folder, RES852 where the engine is not installed.
    """
    assert checked.plan is not None
    assert checked.spec is not None
    tune = checked.spec.tune
    assert tune is not None
    found = list(invalid_points(made, tune))
    if found:
        raise InvalidPointError(found)
    made = resumed(made, checked) if resume else create(made, checked)
    with RunLock(made.folder):
        steps = sum(phase.steps for phase in checked.plan.phases)
        engine = make_engine(made, tune, checked.plan.seed, steps)
        single = workers == 1 or tune.engine != "optuna"
        ended = (
            engine.work(emit, adopt=resume) if single else _share(engine, made, workers, emit, adopt=resume)
        )
        return _outcome(made, tune, engine, ended=ended)


def make_engine(search: Search, tune: Tune, seed: int, total_steps: int) -> Engine:
    """Return the engine that a search asks for; raises `ProblemError` (RES852) where it is not installed."""
    if tune.engine == "ray":
        from declare.tune.engines.ray import RayEngine

        return RayEngine(search, tune, seed, total_steps)
    from declare.tune.engines.optuna import OptunaEngine

    return OptunaEngine(search, tune, seed, total_steps)


def _outcome(search: Search, tune: Tune, engine: Engine, *, ended: bool) -> SearchOutcome:
    trials, importance = engine.trials(), engine.importance()
    winner = best(trials, tune.mode)
    written = results.write(search, tune, trials, importance)
    status = STOPPED if not ended else DONE if winner is not None else FAILED
    return SearchOutcome(search.folder, tuple(trials), winner, written, status, importance)


def _share(engine: Engine, search: Search, workers: int, emit: Emit, *, adopt: bool) -> bool:
    """Let several processes work at one search; tell of trials as they end, pass a request to stop on."""
    threads = max(1, (os.cpu_count() or 1) // workers)
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = str(threads)
    context = multiprocessing.get_context("spawn")
    jobs = [context.Process(target=_worker, args=(search, adopt and index == 0)) for index in range(workers)]
    told = {trial.number for trial in engine.trials() if trial.state != "running"}
    try:
        for job in jobs:
            job.start()
        with StopFlag() as flag:
            asked = False
            while any(job.is_alive() for job in jobs):
                time.sleep(_POLL_SECONDS)
                if flag.raised and not asked:
                    asked = True
                    for job in jobs:
                        job.terminate()
                _tell(engine, told, emit)
    finally:
        os.environ.pop("OMP_NUM_THREADS", None)
        if before is not None:
            os.environ["OMP_NUM_THREADS"] = before
    _tell(engine, told, emit)
    return not flag.raised and not any(job.exitcode == STOPPED for job in jobs)


def _tell(engine: Engine, told: set[int], emit: Emit) -> None:
    for trial in engine.trials():
        if trial.state != "running" and trial.number not in told:
            told.add(trial.number)
            emit(trial)


def _worker(search: Search, adopt: bool) -> None:
    """Work at a search from a process of its own."""
    checked = search.check()
    assert checked.plan is not None
    steps = sum(phase.steps for phase in checked.plan.phases)
    engine = make_engine(search, search.tune, checked.plan.seed + os.getpid(), steps)
    if not engine.work(lambda _: None, adopt=adopt):
        raise SystemExit(STOPPED)
