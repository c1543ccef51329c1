"""Optuna: trials in a database next to their runs, so that a search continues after a kill and workers share it."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from declare.language.spec import Space, Tune
from declare.system.extras import require
from declare.tune.quiet_optuna import silence_optuna
from declare.tune.search import DATABASE, Search, State, Trial
from declare.tune.search_signals import SearchStop
from declare.tune.space import Values, all_values, from_database, grid, to_database
from declare.tune.trial import run_trial

if TYPE_CHECKING:
    import optuna

_STATES: dict[str, State] = {
    "COMPLETE": "complete",
    "PRUNED": "pruned",
    "FAIL": "failed",
    "RUNNING": "running",
    "WAITING": "running",
}
_DEATHS = 2
"""Processes that may die of a trial before it is given up."""
_WAIT_SECONDS = 0.5
Emit = Callable[[Trial], None]


class OptunaEngine:
    """Chooses points with Optuna's samplers; `work` may be called by several processes at once."""

    def __init__(self, search: Search, tune: Tune, seed: int, total_steps: int) -> None:
        require("optuna", "tune", at="tune")
        import optuna
        from sqlalchemy.pool import NullPool

        silence_optuna()
        self._search, self._tune = search, tune
        self._steps = total_steps
        # SQLite waits for other writers instead of failing at once; no connection stays open between two calls,
        # since it is unknown when an engine is no longer needed.
        storage = optuna.storages.RDBStorage(
            f"sqlite:///{(search.folder / DATABASE).absolute()}",
            engine_kwargs={"connect_args": {"timeout": 120}, "poolclass": NullPool},
        )
        self._hold: FileLock | None = None
        self._alone = FileLock(search.folder / "study.lock")
        with self._alone:
            self._study = optuna.create_study(
                storage=storage,
                study_name="search",
                direction="maximize" if tune.mode == "max" else "minimize",
                load_if_exists=True,
            )
            if tune.sampler == "grid":
                self._lay_out()
        self._study.sampler = _sampler(tune, seed)
        self._study.pruner = _pruner(tune, total_steps)

    def work(self, emit: Emit, stop: SearchStop) -> bool:
        """Run trials until there are enough; False if it was asked to stop before.

        Trials that a process left when it died are finished first.
        """
        while not stop.is_requested:
            trial = self._next_trial(stop)
            if trial is None:
                break
            if not self._run(trial, emit):
                return False
        return self._is_done()

    def _is_done(self) -> bool:
        """Whether nothing is left to do: a request to stop may come after the last trial."""
        return not self._running() and not self._wants_more()

    def trials(self) -> list[Trial]:
        """Return all trials so far."""
        return [
            Trial(
                item.number,
                {path: from_database(value) for path, value in item.params.items()},
                item.user_attrs.get("state", _STATES[item.state.name])
                if item.state.is_finished()
                else "running",
                item.value if item.state.name == "COMPLETE" else item.user_attrs.get("last"),
                item.user_attrs.get("seconds", 0.0),
                item.user_attrs.get("reason", ""),
            )
            for item in self._study.trials
            if item.params
        ]

    def importance(self) -> dict[str, float]:
        """Return how much variance of the metric each path explains (fANOVA); empty if there are too few trials."""
        import optuna

        if sum(item.state.name == "COMPLETE" for item in self._study.trials) < 5 or len(self._tune.space) < 2:
            return {}
        try:
            importances = optuna.importance.get_param_importances(
                self._study, evaluator=optuna.importance.FanovaImportanceEvaluator(seed=0)
            )
        except (ValueError, RuntimeError, ZeroDivisionError):  # all values alike
            return {}
        return {path: float(share) for path, share in importances.items()}

    def mark_failed(self, process: int, cause: str) -> bool:
        """Record that a process died; its trial is given up the second time. False if it had none."""
        import optuna

        with self._alone:
            for item in self._running():
                if process not in item.user_attrs.get("processes", ()):
                    continue
                trial = optuna.Trial(self._study, item._trial_id)  # noqa: SLF001 - no public way to take one up
                deaths = item.user_attrs.get("deaths", 0) + 1
                trial.set_user_attr("deaths", deaths)
                if deaths >= _DEATHS and self._take(item.number):
                    reason = f"its process died {deaths} times: {cause}"
                    self._end(trial, Trial(item.number, {}, "broken", reason=reason))
                return True
        return False

    def _lay_out(self) -> None:
        """Put all points of a grid into the database; a process that dies in here leaves the rest to the next."""
        if self._study.user_attrs.get("laid_out"):
            return
        for point in grid(self._tune):
            values = {path: to_database(value) for path, value in point.items()}
            self._study.enqueue_trial(values, skip_if_exists=True)
        self._study.set_user_attr("laid_out", True)

    def _next_trial(self, stop: SearchStop) -> optuna.Trial | None:
        """Take a trial that has no process, or a new one; None if enough are done.

        Those of other processes are waited for: the trial of one that dies goes to the others.
        """
        while not stop.is_requested:
            with self._alone:
                trial = self._orphan() or self._new()
                if trial is not None:
                    before = trial.user_attrs.get("processes", [])
                    trial.set_user_attr("processes", [*before, os.getpid()])
                    return trial
                if not self._running():
                    return None
            time.sleep(_WAIT_SECONDS)
        return None

    def _running(self) -> list[optuna.trial.FrozenTrial]:
        return [item for item in self._study.trials if item.state.name == "RUNNING"]

    def _wants_more(self) -> bool:
        wanted = self._tune.trials
        if self._tune.sampler == "grid":
            wanted = min(wanted, len(list(grid(self._tune))))
        return sum(item.state.name != "WAITING" for item in self._study.trials) < wanted

    def _new(self) -> optuna.Trial | None:
        if not self._wants_more():
            return None
        trial = self._study.ask(self._axes())
        self._take(trial.number)
        return trial

    def _orphan(self) -> optuna.Trial | None:
        """Take up a trial whose process has died, with the values that it had no time to draw."""
        import optuna

        for item in self._running():
            if self._take(item.number):
                trial = optuna.Trial(self._study, item._trial_id)  # noqa: SLF001 - no public way to take one up
                for path, axis in self._axes().items():
                    trial._suggest(path, axis)  # noqa: SLF001 - as `ask` does; a known value stays
                return trial
        return None

    def _take(self, number: int) -> bool:
        """Hold a trial as long as this process lives or until it lets go; False if another one holds it."""
        place = self._search.folder / "held"
        place.mkdir(mode=0o700, exist_ok=True)
        hold = FileLock(place / f"{number:04d}")
        with suppress(Timeout):
            hold.acquire(timeout=0)
            self._hold = hold
            return True
        return False

    def _drain_gloo(self) -> None:
        if self._hold is not None:
            self._hold.release()
            self._hold = None

    def _axes(self) -> dict[str, Any]:
        return {path: _axis(space) for path, space in self._tune.space.items()}

    def _run(self, trial: optuna.Trial, emit: Emit) -> bool:
        """Run a trial and record what it came to; False if it was stopped."""
        values: Values = {path: from_database(value) for path, value in trial.params.items()}

        def ask(step: int, value: float) -> bool:
            trial.report(value, step)
            trial.set_user_attr("last", value)
            return self._tune.pruner != "none" and trial.should_prune()

        done = run_trial(self._search, trial.number, values, self._tune.metric, ask)
        done = replace(done, seconds=round(trial.user_attrs.get("seconds", 0.0) + done.seconds, 3))
        if done.state == "stopped":
            trial.set_user_attr("seconds", done.seconds)
            self._drain_gloo()
            return False
        self._end(trial, done)
        emit(done)
        return True

    def _end(self, trial: optuna.Trial, done: Trial) -> None:
        """Record what a trial came to, and let go of it."""
        import optuna

        state = optuna.trial.TrialState
        with self._alone:  # else another process could take it up in between
            for name in ("seconds", "reason", "state"):
                trial.set_user_attr(name, getattr(done, name))
            if done.state == "complete":
                self._study.tell(trial, done.value)
            else:
                self._study.tell(trial, state=state.PRUNED if done.state == "pruned" else state.FAIL)
            self._drain_gloo()


def _axis(space: Space) -> Any:
    import optuna

    ends = space.log or space.uniform
    if ends is not None:
        low, high = ends
        return optuna.distributions.FloatDistribution(low, high, log=space.log is not None)
    if space.int is not None:
        return optuna.distributions.IntDistribution(*space.int)
    return optuna.distributions.CategoricalDistribution(
        [to_database(value) for value in all_values(space) or ()]
    )


def _trial_seed(seed: int, number: int, name: str) -> int:
    """Return a seed for a value of a trial."""
    text = f"{seed} {number} {name}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:4], "big")


def _sampler(tune: Tune, seed: int) -> Any:
    """Return a sampler whose draws are keyed by the numbers of trials and the names of values.

    What was drawn before, and by which process, leaves no trace in generators: a search that was killed draws what it
    would have drawn. What a sampler learns from trials that have ended is another matter.
    """
    import optuna

    def make(sampler_seed: int) -> Any:
        if tune.sampler == "random":
            return optuna.samplers.RandomSampler(seed=sampler_seed)
        return optuna.samplers.TPESampler(seed=sampler_seed, constant_liar=True)

    class KeyedSampler(optuna.samplers.BaseSampler):
        def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
            """No values are drawn together."""
            return {}

        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
            """No values are drawn together."""
            return {}

        def sample_independent(self, study: Any, trial: Any, name: str, axis: Any) -> Any:
            """Draw one value of a trial."""
            return make(_trial_seed(seed, trial.number, name)).sample_independent(study, trial, name, axis)

    return KeyedSampler()


def _pruner(tune: Tune, total_steps: int) -> Any:
    import optuna

    pruners: dict[str, Callable[[], Any]] = {
        "none": optuna.pruners.NopPruner,
        "median": lambda: optuna.pruners.MedianPruner(n_startup_trials=4),
        "hyperband": lambda: optuna.pruners.HyperbandPruner(1, max(1, total_steps), 3),
    }
    return pruners[tune.pruner]()


def database(folder: Path) -> str:
    """Return the address of a search's database, for Optuna's own dashboard."""
    return f"sqlite:///{folder / DATABASE}"
