"""Several processes that work at one search: each with its own graphics card, all ended when it is."""

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, Protocol

from declare.runtime.distributed.exit_codes import DONE, STOPPED
from declare.system.python_process import SAFE_PATH
from declare.tune.engines.optuna import Emit, OptunaEngine
from declare.tune.search import Search, Trial
from declare.tune.search_signals import ParentPipe, SearchStop

_POLL_SECONDS = 0.3
_CARDS = "CUDA_VISIBLE_DEVICES"
_THREADS = "OMP_NUM_THREADS"


class SharedSearch(Protocol):
    """A search as the process sees it that watches over the workers."""

    def trials(self) -> list[Trial]:
        """Return all trials so far."""
        ...

    def mark_failed(self, process: int, cause: str) -> bool:
        """Record that a process died; False if it had no trial."""
        ...


def cards(accelerator: str) -> list[str]:
    """Return the graphics cards that workers may share out; none if a spec wants none."""
    if accelerator not in {"auto", "cuda"}:
        return []
    stated = os.environ.get(_CARDS)
    if stated is not None:
        return [name.strip() for name in stated.split(",") if name.strip()]
    import torch

    return [str(index) for index in range(torch.cuda.device_count())]


def environments(workers: int, cards: Sequence[str]) -> list[dict[str, str]]:
    """Return the variables of each worker: its card in turn, its part of the processors, a safe path."""
    threads = os.environ.get(_THREADS) or str(max(1, (os.cpu_count() or 1) // workers))
    shared = {_THREADS: threads, SAFE_PATH: "1"}
    return [shared | ({_CARDS: cards[index % len(cards)]} if cards else {}) for index in range(workers)]


class Workers:
    """The processes of a search; one that dies is replaced while its trial may be tried again."""

    def __init__(self, search: Search, places: Sequence[Mapping[str, str]]) -> None:
        self._search = search
        self._context = multiprocessing.get_context("spawn")
        self._places = places
        self._jobs: dict[int, SpawnProcess] = {}
        self._lines: dict[int, Connection] = {}
        self.stopped = False

    def run(self, engine: SharedSearch, stop: SearchStop, emit: Emit) -> bool:
        """Work until all have ended; report trials as they end. False if the search was asked to stop."""
        reported = {trial.number for trial in engine.trials() if trial.state != "running"}
        for index in range(len(self._places)):
            self._start(index)
        stopping = False
        while self._jobs:
            time.sleep(_POLL_SECONDS)
            if stop.is_requested and not stopping:
                stopping = True
                self._stop(stop.reason)
            for index, job in list(self._jobs.items()):
                if not job.is_alive():
                    self._on_worker_exit(index, job, engine, anew=not stopping)
            _report_ended(engine, reported, emit)
        return not self.stopped

    def _start(self, index: int) -> None:
        ours, theirs = self._context.Pipe(duplex=False)
        job = self._context.Process(target=_work, args=(self._search, ours))
        with _set(self._places[index]):
            job.start()
        ours.close()
        self._jobs[index], self._lines[index] = job, theirs

    def _on_worker_exit(self, index: int, job: SpawnProcess, engine: SharedSearch, *, anew: bool) -> None:
        del self._jobs[index]
        self._lines.pop(index).close()
        code = job.exitcode or DONE
        if code == STOPPED or (code != DONE and not anew):
            self.stopped = True
        elif code != DONE and engine.mark_failed(job.pid or 0, cause(code)):
            self._start(index)

    def _stop(self, reason: str) -> None:
        # By a word and not by a signal: the terminal may have sent one already, and a second one kills.
        for line in self._lines.values():
            with contextlib.suppress(OSError):
                line.send(reason)


def cause(code: int) -> str:
    """Return what ended a process, by its exit code."""
    if code >= 0:
        return f"it exited with status {code}"
    known = -code in {*signal.Signals}
    return f"killed by {signal.Signals(-code).name if known else f'signal {-code}'}"


@contextlib.contextmanager
def _set(variables: Mapping[str, str]) -> Iterator[None]:
    """While inside, the environment has these variables: a process that starts takes them over."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _report_ended(engine: SharedSearch, reported: set[int], emit: Emit) -> None:
    for trial in engine.trials():
        if trial.state != "running" and trial.number not in reported:
            reported.add(trial.number)
            emit(trial)


def _work(search: Search, line: Any) -> None:
    """Work on a search in a separate process, until the parent ends it or has gone."""
    os.setpgrp()  # Ctrl-C is heard by the process that started this one, and handed on
    with SearchStop(ParentPipe(line)) as stop:
        checked = search.check()
        assert checked.plan is not None
        steps = sum(phase.steps for phase in checked.plan.phases)
        engine = OptunaEngine(search, search.tune, checked.plan.seed, steps)
        if not engine.work(lambda _: None, stop):
            raise SystemExit(STOPPED)
