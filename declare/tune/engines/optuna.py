"""Optuna: trials in a database beside their runs, so that a search goes on after a kill and workers share it."""

from __future__ import annotations

import itertools
import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from declare.contract.extras import require
from declare.language.spec import Space, Tune
from declare.tune.search import DATABASE, Search, State, Trial
from declare.tune.space import Values, grid, listed
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
Emit = Callable[[Trial], None]


class OptunaEngine:
    """Chooses points with Optuna's samplers; `work` may be called by several processes at once."""

    def __init__(self, search: Search, tune: Tune, seed: int, total_steps: int) -> None:
        require("optuna", "tune", at="tune")
        import optuna
        from sqlalchemy.pool import NullPool

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
        self._search, self._tune = search, tune
        self._steps = total_steps
        # SQLite waits for other writers instead of failing at once; no connection stays open between two calls,
        # for nothing tells when an engine is no longer needed.
        storage = optuna.storages.RDBStorage(
            f"sqlite:///{(search.folder / DATABASE).absolute()}",
            engine_kwargs={"connect_args": {"timeout": 120}, "poolclass": NullPool},
        )
        with FileLock(search.folder / "study.lock"):
            known = search.folder.joinpath(DATABASE).is_file() and storage.get_all_studies()
            self._study = optuna.create_study(
                storage=storage,
                study_name="search",
                direction="maximize" if tune.mode == "max" else "minimize",
                load_if_exists=True,
            )
            if not known and tune.sampler == "grid":
                for point in grid(tune):
                    self._study.enqueue_trial({path: _stored(value) for path, value in point.items()})
        self._study.sampler = _sampler(tune, seed, len(self._study.trials))
        self._study.pruner = _pruner(tune, total_steps)

    def work(self, emit: Emit, *, adopt: bool = False) -> bool:
        """Run trials until there are enough; False where the run was asked to stop.

        With `adopt`, trials that a killed process left are finished first.
        """
        left = self._orphans() if adopt else iter(())
        return all(self._run(trial, emit) for trial in itertools.chain(left, iter(self._next, None)))

    def trials(self) -> list[Trial]:
        """Return all trials so far."""
        return [
            Trial(
                item.number,
                {path: _restored(value) for path, value in item.params.items()},
                item.user_attrs.get("state", _STATES[item.state.name]),
                item.value if item.state.name == "COMPLETE" else item.user_attrs.get("last"),
                item.user_attrs.get("seconds", 0.0),
                item.user_attrs.get("reason", ""),
            )
            for item in self._study.trials
            if item.params
        ]

    def importance(self) -> dict[str, float]:
        """Return how much each path explains of the value (fANOVA); empty where there are too few trials."""
        import optuna

        if sum(item.state.name == "COMPLETE" for item in self._study.trials) < 5 or len(self._tune.space) < 2:
            return {}
        try:
            found = optuna.importance.get_param_importances(
                self._study, evaluator=optuna.importance.FanovaImportanceEvaluator(seed=0)
            )
        except (ValueError, RuntimeError, ZeroDivisionError):  # all values alike
            return {}
        return {path: float(share) for path, share in found.items()}

    def _next(self) -> optuna.Trial | None:
        """Take a new trial, unless enough are done or under way."""
        with FileLock(self._search.folder / "study.lock"):
            trials = self._study.trials
            wanted = self._tune.trials
            if self._tune.sampler == "grid":
                wanted = min(wanted, len(list(grid(self._tune))))
            if sum(item.state.name != "WAITING" for item in trials) >= wanted:
                return None
            return self._study.ask(self._axes())

    def _axes(self) -> dict[str, Any]:
        return {path: _axis(space) for path, space in self._tune.space.items()}

    def _orphans(self) -> Iterator[optuna.Trial]:
        import optuna

        for item in self._study.trials:
            if item.state.name == "RUNNING":
                yield optuna.Trial(self._study, item._trial_id)  # noqa: SLF001 - no public way to take one up

    def _run(self, trial: optuna.Trial, emit: Emit) -> bool:
        """Run a trial and record what it came to; False where it was stopped."""
        import optuna

        values: Values = {path: _restored(value) for path, value in trial.params.items()}

        def ask(step: int, value: float) -> bool:
            trial.report(value, step)
            trial.set_user_attr("last", value)
            return self._tune.pruner != "none" and trial.should_prune()

        done = run_trial(self._search, trial.number, values, self._tune.metric, ask)
        if done.state == "stopped":
            return False
        trial.set_user_attr("seconds", done.seconds)
        trial.set_user_attr("reason", done.reason)
        if done.state == "complete":
            self._study.tell(trial, done.value)
        else:
            state = optuna.trial.TrialState
            self._study.tell(trial, state=state.PRUNED if done.state == "pruned" else state.FAIL)
        emit(done)
        return True


def _axis(space: Space) -> Any:
    import optuna

    ends = space.log or space.uniform
    if ends is not None:
        low, high = ends
        return optuna.distributions.FloatDistribution(low, high, log=space.log is not None)
    if space.int is not None:
        return optuna.distributions.IntDistribution(*space.int)
    return optuna.distributions.CategoricalDistribution([_stored(value) for value in listed(space) or ()])


def _stored(value: Any) -> Any:
    """Return a choice as the database may hold it: lists and mappings as JSON text."""
    return f"json:{json.dumps(value)}" if isinstance(value, list | dict) else value


def _restored(value: Any) -> Any:
    return json.loads(value[5:]) if isinstance(value, str) and value.startswith("json:") else value


def _sampler(tune: Tune, seed: int, done: int) -> Any:
    """Return the sampler; one that goes on must not draw the same points again."""
    import optuna

    if tune.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed + done)
    return optuna.samplers.TPESampler(seed=seed + done, constant_liar=True)


def _pruner(tune: Tune, total_steps: int) -> Any:
    import optuna

    made: dict[str, Callable[[], Any]] = {
        "none": optuna.pruners.NopPruner,
        "median": lambda: optuna.pruners.MedianPruner(n_startup_trials=4),
        "hyperband": lambda: optuna.pruners.HyperbandPruner(1, max(1, total_steps), 3),
    }
    return made[tune.pruner]()


def database(folder: Path) -> str:
    """Return the address of a search's database, for Optuna's own dashboard."""
    return f"sqlite:///{folder / DATABASE}"
