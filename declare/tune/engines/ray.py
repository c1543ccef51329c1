"""Ray Tune: trials as actors of a cluster, a local one if none is reached.

Ray chooses, places and ends trials. Which number a trial has and what became of it is in the search's folder.
"""

import contextlib
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from declare.language.spec import Space, Tune
from declare.runtime.distributed.ray_cluster import connect_ray
from declare.runtime.run_folder.lock import is_locked
from declare.system.extras import require
from declare.tune.quiet_optuna import silence_optuna
from declare.tune.search import Search, Trial
from declare.tune.search_signals import SearchStop
from declare.tune.space import Values, all_values, from_database, to_database
from declare.tune.trial import run_trial
from declare.tune.trial_records import Records

Emit = Callable[[Trial], None]
FOLDER = "ray"
_SAVING_SECONDS = 60.0
_POLL_SECONDS = 0.3
_ENDED = {"complete", "pruned", "failed", "broken"}


class RayEngine:
    """Runs the trials of a search on Ray; `RAY_ADDRESS` names a cluster, as everywhere with Ray."""

    def __init__(
        self,
        search: Search,
        tune: Tune,
        seed: int,
        total_steps: int,
        *,
        accelerator: str = "auto",
        workers: int | None = None,
    ) -> None:
        require("ray", "ray", at="tune.engine")
        # An actor works in another folder.
        self._search = replace(search, folder=search.folder.absolute())
        self._tune, self._seed, self._steps = tune, seed, total_steps
        self._accelerator, self._workers = accelerator, workers
        self._records = Records(self._search.folder)
        self._told: set[int] = set()
        self._seen: set[int] = set()
        """The trials that Ray knows of."""

    def work(self, emit: Emit, stop: SearchStop) -> bool:
        """Run trials until there are enough; False if it was asked to stop."""
        os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # our own lines report what happens
        os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # signals are ours
        os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "1")  # else a kill may lose ten seconds of draws
        if self._tune.sampler == "tpe":
            require("optuna", "tune", at="tune.sampler")
            silence_optuna()
        self._records.forget_stop()
        self._told = {trial.number for trial in self.trials() if trial.state in _ENDED}
        # Ray takes the signals for itself when it connects: they are handled again inside.
        with connect_ray() as ray, SearchStop(lambda: stop.reason) as inner, self._watch_trials(emit, inner):
            gpus = int(ray.cluster_resources().get("GPU", 0))
            trainable = self._trainable(gpu=gpus > 0 and self._accelerator in {"auto", "cuda"})
            for part in range(1000):
                place = self._search.folder / (f"{FOLDER}-{part + 1}" if part else FOLDER)
                missing = self._missing()
                tuner = self._tuner(trainable, place, missing)
                if tuner is None or inner.is_requested:
                    break
                self._record_results(tuner.fit(), stopped=inner.is_requested)
            stopped = inner.is_requested
        if not stopped:
            self._give_up_lost()
        self._emit_ended(emit)
        return not stopped

    def trials(self) -> list[Trial]:
        """Return the trials of the search, as far as they came."""
        return self._records.all()

    @staticmethod
    def importance() -> dict[str, float]:
        """Return nothing: Ray does not compute it."""
        return {}

    # -- what Ray is given -----------------------------------------------------------------------------

    def _trainable(self, *, gpu: bool) -> Any:
        tune: Any = import_module("ray.tune")
        wanted = {"cpu": 1, "gpu": 1} if gpu else {"cpu": 1}
        return tune.with_resources(_Trainable(self._search, self._tune.metric), wanted)

    def _missing(self) -> int:
        """Return how many trials no part of the search has drawn yet; a grid is drawn as a whole."""
        if self._tune.sampler == "grid":
            return 0 if self._seen else 1
        return max(0, self._tune.trials - len(self._seen))

    def _tuner(self, trainable: Any, place: Path, missing: int) -> Any:
        """Return what runs a part of the search: one that a process left, or new trials; None at the end."""
        tune: Any = import_module("ray.tune")
        if tune.Tuner.can_restore(str(place)):
            again = {"resume_unfinished": True, "resume_errored": True}
            return tune.Tuner.restore(str(place), trainable, param_space=self._axes(), **again)
        return self._fresh(trainable, place, missing) if missing else None

    def _fresh(self, trainable: Any, place: Path, missing: int) -> Any:
        tune: Any = import_module("ray.tune")
        return tune.Tuner(
            trainable,
            param_space=self._axes(),
            tune_config=tune.TuneConfig(
                metric="value",
                mode=self._tune.mode,
                num_samples=missing,
                search_alg=self._chooser(),
                scheduler=self._scheduler(),
                max_concurrent_trials=self._workers,
                trial_name_creator=_Naming(self._search.folder),
                trial_dirname_creator=_Naming(self._search.folder),
            ),
            run_config=tune.RunConfig(
                name=place.name,
                storage_path=str(place.parent),
                verbose=0,
                failure_config=tune.FailureConfig(max_failures=1),
            ),
        )

    def _axes(self) -> dict[str, Any]:
        return {path: self._axis(space) for path, space in self._tune.space.items()}

    def _axis(self, space: Space) -> Any:
        tune: Any = import_module("ray.tune")
        if space.log is not None:
            return tune.loguniform(*space.log)
        if space.uniform is not None:
            return tune.uniform(*space.uniform)
        values = [to_database(value) for value in all_values(space) or []]
        if self._tune.sampler == "grid":
            return tune.grid_search(values)
        return tune.choice(values)

    def _chooser(self) -> Any:
        # A later part of the search must not draw the points of the first.
        seed = self._seed + len(self._records.numbers())
        if self._tune.sampler == "tpe":
            return import_module("ray.tune.search.optuna").OptunaSearch(
                metric="value", mode=self._tune.mode, seed=seed
            )
        return import_module("ray.tune.search.basic_variant").BasicVariantGenerator(random_state=seed)

    def _scheduler(self) -> Any:
        # As a value: the library's own annotations differ from release to release.
        schedulers: Any = import_module("ray.tune.schedulers")
        if self._tune.pruner == "median":
            return schedulers.MedianStoppingRule(time_attr="step", grace_period=1)
        if self._tune.pruner == "hyperband":
            return schedulers.ASHAScheduler(time_attr="step", max_t=max(2, self._steps), grace_period=1)
        return schedulers.FIFOScheduler()

    # -- the end of trials -----------------------------------------------------------------------------

    def _record_results(self, grid: Any, *, stopped: bool) -> None:
        """Record the end of trials that could not do so: those that Ray ended, and those that died."""
        for item in grid:
            number = int(Path(item.path).name)
            self._seen.add(number)
            known = self._records.read(number) or Trial(number, _point(item.config or {}), "running")
            if known.state in _ENDED or stopped:
                continue
            metrics = item.metrics or {}
            if item.error is not None:
                reason = str(item.error).strip().splitlines()[-1][:200]
                self._records.write(replace(known, state="broken", reason=reason))
                continue
            value = metrics.get("value", math.nan)
            reason = "worse than the others at the same step"
            kept = value if math.isfinite(value) else None
            seconds = round(metrics.get("time_total_s", 0.0), 3)
            self._records.write(replace(known, state="pruned", value=kept, reason=reason, seconds=seconds))

    def _give_up_lost(self) -> None:
        """Close what had just begun before a kill, so that Ray did not know of it: another was drawn for it."""
        for trial in self.trials():
            if trial.state not in _ENDED and trial.number not in self._seen:
                reason = "given up: its search was killed when it had just begun"
                self._records.write(replace(trial, state="failed", reason=reason))

    def _emit_ended(self, emit: Emit) -> None:
        for trial in self.trials():
            if trial.state in _ENDED and trial.number not in self._told:
                self._told.add(trial.number)
                emit(trial)

    @contextlib.contextmanager
    def _watch_trials(self, emit: Emit, stop: SearchStop) -> Iterator[None]:
        """While inside, report trials as they end; stop them, and then Ray's own work, on request."""
        done = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(emit, stop, done), name="trials", daemon=True)
        catches = threading.current_thread() is threading.main_thread()
        # Ray Tune listens to this signal while it works; before and after that it must not end us.
        before = signal.signal(signal.SIGUSR1, signal.SIG_IGN) if catches else None
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()
            if catches:
                signal.signal(signal.SIGUSR1, before)

    def _watch(self, emit: Emit, stop: SearchStop, done: threading.Event) -> None:
        asked_at: float | None = None
        while not done.wait(_POLL_SECONDS):
            self._emit_ended(emit)
            if not stop.is_requested:
                continue
            if asked_at is None:
                asked_at = time.monotonic()
                self._records.order_stop(stop.reason)
            if not self._is_any_running() or time.monotonic() - asked_at > _SAVING_SECONDS:
                os.kill(os.getpid(), signal.SIGUSR1)

    def _is_any_running(self) -> bool:
        """Whether a trial is still under way."""
        return any(
            trial.state == "running" and is_locked(self._search.place(trial.number))
            for trial in self.trials()
        )


def _point(config: Values) -> Values:
    """Return the values that Ray gives a trial as the space states them."""
    return {path: from_database(value) for path, value in config.items()}


class _Naming:
    """Names a trial by its number, in the process that chooses, so that a resumed search names it alike."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, trial: Any) -> str:
        return f"{Records(self._folder).number(trial.trial_id):04d}"


class _Trainable:
    """What an actor runs: one trial, each evaluation reported to Ray's scheduler."""

    def __init__(self, search: Search, metric: str) -> None:
        self._search, self._metric = search, metric
        self.__name__ = "trial"

    def __call__(self, values: Values) -> None:
        tune: Any = import_module("ray.tune")
        records = Records(self._search.folder)
        done = self._run(records, int(tune.get_context().get_trial_name()), _point(values))
        if done.state == "stopped":
            while (
                True
            ):  # Ray takes a trial up again that it has not seen end: wait for it to end this process
                time.sleep(_SAVING_SECONDS)
        if done.state in {"failed", "broken"}:
            raise RuntimeError(done.reason)
        tune.report({"value": done.value, "step": 2**31})

    def _run(self, records: Records, number: int, values: Values) -> Trial:
        """Return what the trial came to: now, or before Ray asked for it again."""
        known = records.read(number)
        if known is not None and known.state in _ENDED:
            return known
        spent = known.seconds if known is not None else 0.0
        if records.stop_reason():
            return Trial(number, values, "stopped", seconds=spent)
        records.write(Trial(number, values, "running", seconds=spent))
        tune: Any = import_module("ray.tune")

        def ask(step: int, value: float) -> bool:
            tune.report({"value": value, "step": step})
            return False

        with SearchStop(records.stop_reason):
            done = run_trial(self._search, number, values, self._metric, ask)
        done = replace(done, seconds=round(done.seconds + spent, 3))
        records.write(done)
        return done
