"""Starting the processes of a run on this machine: PyTorch's elastic launcher, anew for each attempt.

Each process is the same command, told its rank by the environment. They meet through a file on one machine,
and at an address on several. Signals that reach the launcher are handed on; it stays until all have ended.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from declare.contract.problem import Problem
from declare.runtime import pulse
from declare.runtime.place import LAUNCH
from declare.runtime.stopping import say
from declare.runtime.words import told, written

_OUTCOME, _RUN, _LOGS = "outcome-", "run", "logs"
_WAIT_SECONDS = 600
_SIGNALLED = 128


@dataclass(frozen=True)
class Crew:
    """How many processes train together."""

    processes: int
    """On this machine."""
    nodes: int = 1
    meeting: str | None = None
    """`HOST:PORT` where several machines meet."""

    @property
    def size(self) -> int:
        """All processes."""
        return self.processes * self.nodes


@dataclass(frozen=True)
class Death:
    """The first process that ended without an outcome."""

    rank: int
    exit_code: int
    """Negative for a signal; 0 where nobody knows it."""
    step: int
    """How many steps of the run it had made."""
    words: str
    """The end of what it wrote to its own log."""
    why: str = ""
    """What ended it, where there is more to say than the exit status does."""

    @property
    def cause(self) -> str:
        """What ended it, in words."""
        if self.why:
            return self.why
        if self.exit_code < 0:
            return f"killed by {signal.Signals(-self.exit_code).name}"
        return f"it exited with status {self.exit_code}"


@dataclass(frozen=True)
class Ending:
    """How an attempt ended: with an exit status that the processes agreed on, or with a death."""

    status: int | None
    death: Death | None
    run: Path | None
    """The run folder, if one was made."""
    unsaid: tuple[Problem, ...] = ()
    """What a process has found and could not tell."""


def launch(crew: Crew, words: Sequence[str], folder: Path, attempt: int) -> Ending:
    """Run `python -m declare WORDS` in every process and wait for all of them; `folder` is new and private."""
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import elastic_launch

    _hush()
    os.environ[LAUNCH] = str(folder)
    # DDP warns of a setting that is right for some steps of a run.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    # The launcher's own store would listen on all interfaces, and nobody here asks it anything.
    os.environ.setdefault("TORCH_DISABLE_SHARE_RDZV_TCP_STORE", "1")
    run = elastic_launch(_config(crew, folder, attempt), sys.executable)
    death = None
    with _handing_on(folder):
        try:
            run("-m", "declare", *words)
        except ChildFailedError as error:
            death = _death(error, folder)
        except SignalException as error:
            return Ending(_SIGNALLED + error.sigval, None, noted_run(folder))
    status, unsaid = outcome(folder)
    return Ending(status, death, noted_run(folder), unsaid)


def _config(crew: Crew, folder: Path, attempt: int) -> Any:
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, Std
    from torch.distributed.launcher.api import LaunchConfig

    alone = crew.nodes == 1
    meeting: dict[str, Any] = {"store_type": "file"} if alone else {"join_timeout": _WAIT_SECONDS}
    return LaunchConfig(
        min_nodes=crew.nodes,
        max_nodes=crew.nodes,
        nproc_per_node=crew.processes,
        run_id=f"declare-{attempt}",
        rdzv_backend="c10d",
        rdzv_endpoint=str(folder / "meeting") if alone else str(crew.meeting),
        rdzv_configs=meeting,
        local_addr="localhost" if alone else None,
        max_restarts=0,
        logs_specs=DefaultLogsSpecs(
            log_dir=str(folder / _LOGS), redirects=dict.fromkeys(range(1, crew.processes), Std.ALL)
        ),
        # What ends a run on request is handed on by ourselves: nobody may be killed while it saves. A hang-up is
        # not heard at all where `nohup` says so; else processes whose launcher is gone save and stop.
        signals_to_handle="SIGQUIT",
    )


def _hush() -> None:
    """Keep the launcher's own account of a failure off the screen: the supervisor tells it once."""
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("torch.distributed.elastic"):
            logging.getLogger(name).setLevel(logging.CRITICAL)


@contextlib.contextmanager
def _handing_on(folder: Path) -> Iterator[None]:
    """While inside, the first SIGINT or SIGTERM goes to every process; the second one kills them."""
    heard: list[int] = []

    def hand_on(number: int, _: FrameType | None) -> None:
        heard.append(number)
        if len(heard) == 1:
            say(signal.Signals(number).name)
        for process, _step in pulse.signs(folder).values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number if len(heard) == 1 else signal.SIGKILL)

    before = {number: signal.signal(number, hand_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _death(error: Any, folder: Path) -> Death:
    """Return what is known of the first process that failed."""
    rank, failure = error.get_first_failure()
    _, step = pulse.signs(folder).get(rank, (0, 0))
    return Death(rank, failure.exitcode, step, _last_words(folder, failure.local_rank))


def _last_words(folder: Path, local_rank: int, lines: int = 12) -> str:
    """Return the end of what a process wrote to its log; nothing for the one whose words were on the screen."""
    found = sorted((folder / _LOGS).glob(f"**/{local_rank}/stderr.log"))
    text = found[-1].read_text(encoding="utf-8", errors="replace") if found else ""
    return "\n".join(text.strip().splitlines()[-lines:])


def note_run(place: Path) -> None:
    """Leave word of the run folder for the launcher; nothing where there is none."""
    if folder := os.environ.get(LAUNCH):
        (Path(folder) / _RUN).write_text(str(place), encoding="utf-8")


def note_outcome(rank: int, status: int, problems: Sequence[Problem] = ()) -> None:
    """Leave word of the exit status and its reasons for the launcher; nothing where there is none."""
    if folder := os.environ.get(LAUNCH):
        word = json.dumps([status, written(problems)])
        (Path(folder) / f"{_OUTCOME}{rank}").write_text(word, encoding="utf-8")


def outcome(folder: Path) -> tuple[int | None, tuple[Problem, ...]]:
    """Return the exit status that a process of this machine left, if one did, and what nobody has said yet.

    The process of rank 0 speaks for itself. Where it left no word (it was ended while it waited for one that had
    failed), the reasons of the other are still to be told.
    """
    ranks = sorted(int(path.name.removeprefix(_OUTCOME)) for path in folder.glob(f"{_OUTCOME}*"))
    if not ranks:
        return None, ()
    status, problems = json.loads((folder / f"{_OUTCOME}{ranks[0]}").read_text(encoding="utf-8"))
    unsaid = ranks[0] > 0 and 0 in pulse.signs(folder)
    return int(status), told(f"{ranks[0]}\n{problems}") if unsaid else ()


def noted_run(folder: Path) -> Path | None:
    """Return the run folder that a process left word of, if one was made."""
    path = folder / _RUN
    return Path(path.read_text(encoding="utf-8")) if path.exists() else None
