"""Ray Tune: trials as actors of a cluster, a local one where none is reached."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from declare.contract.extras import require
from declare.language.spec import Space, Tune
from declare.runtime.cluster import connected
from declare.tune.search import Search, State, Trial
from declare.tune.space import Values, listed
from declare.tune.trial import run_trial

Emit = Callable[[Trial], None]
FOLDER = "ray"


class RayEngine:
    """Runs the trials of a search on Ray; `RAY_ADDRESS` names a cluster, as everywhere with Ray."""

    def __init__(self, search: Search, tune: Tune, seed: int, total_steps: int) -> None:
        require("ray", "ray", at="tune.engine")
        self._search, self._tune, self._seed, self._steps = search, tune, seed, total_steps
        self._grid: Any = None

    def work(self, emit: Emit, *, adopt: bool = False) -> bool:
        """Run all trials; with `adopt` those that a killed search left are taken up."""
        os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # our own lines say what happens
        with connected():
            self._grid = self._tuned((self._search.folder / FOLDER).absolute(), adopt=adopt)
        for trial in self.trials():
            emit(trial)
        return True

    def _tuned(self, place: Path, *, adopt: bool) -> Any:
        tune: Any = import_module("ray.tune")
        trainable = tune.with_resources(_Trainable(self._absolute(), self._tune.metric), {"cpu": 1})
        if adopt and tune.Tuner.can_restore(str(place)):
            tuner = tune.Tuner.restore(str(place), trainable, resume_unfinished=True)
        else:
            tuner = self._tuner(trainable, place)
        return tuner.fit()

    def trials(self) -> list[Trial]:
        """Return the trials of the search, as far as they came."""
        results = self._grid if self._grid is not None else ()
        return [self._trial(index, item) for index, item in enumerate(results)]

    @staticmethod
    def importance() -> dict[str, float]:
        """Return nothing: Ray does not say."""
        return {}

    def _absolute(self) -> Search:
        """Return the search as an actor finds it, which works in another folder."""
        return replace(self._search, folder=self._search.folder.absolute())

    def _tuner(self, trainable: Any, place: Path) -> Any:
        tune: Any = import_module("ray.tune")
        return tune.Tuner(
            trainable,
            param_space={path: self._axis(space) for path, space in self._tune.space.items()},
            tune_config=tune.TuneConfig(
                metric="value",
                mode=self._tune.mode,
                num_samples=1 if self._tune.sampler == "grid" else self._tune.trials,
                search_alg=self._chooser(),
                scheduler=self._scheduler(),
            ),
            run_config=tune.RunConfig(name=place.name, storage_path=str(place.parent), verbose=0),
        )

    def _axis(self, space: Space) -> Any:
        tune: Any = import_module("ray.tune")
        if space.log is not None:
            return tune.loguniform(*space.log)
        if space.uniform is not None:
            return tune.uniform(*space.uniform)
        values = listed(space) or []
        if self._tune.sampler == "grid":
            return tune.grid_search(values)
        return tune.choice(values)

    def _chooser(self) -> Any:
        if self._tune.sampler == "tpe":
            require("optuna", "tune", at="tune.sampler")
            return import_module("ray.tune.search.optuna").OptunaSearch(
                metric="value", mode=self._tune.mode, seed=self._seed
            )
        return import_module("ray.tune.search.basic_variant").BasicVariantGenerator(random_state=self._seed)

    def _scheduler(self) -> Any:
        # As a value: the library's own annotations differ from release to release.
        found: Any = import_module("ray.tune.schedulers")
        if self._tune.pruner == "median":
            return found.MedianStoppingRule(time_attr="step", grace_period=1)
        if self._tune.pruner == "hyperband":
            return found.ASHAScheduler(time_attr="step", max_t=max(2, self._steps), grace_period=1)
        return found.FIFOScheduler()

    @staticmethod
    def _trial(index: int, item: Any) -> Trial:
        found = item.metrics or {}
        value = found.get("value", math.nan)
        state: State = "failed" if item.error else found.get("state", "pruned")
        reason = str(item.error).strip().splitlines()[-1][:200] if item.error else found.get("reason", "")
        known = None if math.isnan(value) else value
        return Trial(index, dict(item.config or {}), state, known, found.get("seconds", 0.0), reason)


class _Trainable:
    """What an actor runs: one trial, each evaluation reported to Ray's scheduler."""

    def __init__(self, search: Search, metric: str) -> None:
        self._search, self._metric = search, metric
        self.__name__ = "trial"

    def __call__(self, values: Values) -> None:
        tune: Any = import_module("ray.tune")

        def ask(step: int, value: float) -> bool:
            tune.report({"value": value, "step": step})
            return False

        name = tune.get_context().get_trial_name()
        number = int(name.rpartition("_")[2]) if name.rpartition("_")[2].isdigit() else 0
        done = run_trial(self._search, number, dict(values), self._metric, ask)
        if done.state == "failed":
            raise RuntimeError(done.reason)
        tune.report({"value": done.value, "state": done.state, "seconds": done.seconds, "step": 2**31})
