"""Starting the processes of a run on this machine: PyTorch's elastic launcher, anew for each attempt.

Each process is the same command, told its rank by the environment. They meet through a file on one machine,
and at an address on several. The launcher stays until all have ended, whatever it hears.
"""

import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from declare.contract import strict_json
from declare.contract.problem import Problem
from declare.runtime.distributed import heartbeat
from declare.runtime.distributed.exit_codes import FAILED, LOST, SIGNALLED
from declare.runtime.distributed.problem_json import problems_from_json, problems_to_json
from declare.runtime.distributed.rank_environment import LAUNCH, LAUNCHER
from declare.runtime.errors import first_line
from declare.system.python_process import program_arguments, protect_children

_OUTCOME, _LOSS, _RUN, _LOGS = "outcome-", "loss-", "run", "logs"
_WAIT_SECONDS = 600


@dataclass(frozen=True)
class LaunchSpec:
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
class ProcessFailure:
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
            return f"killed by {_signal_name(-self.exit_code)}"
        return f"it exited with status {self.exit_code}"


def _signal_name(number: int) -> str:
    """Return the name of a signal, its number where it has none."""
    return signal.Signals(number).name if number in {*signal.Signals} else f"signal {number}"


@dataclass(frozen=True)
class LaunchResult:
    """How an attempt ended: with an exit status that the processes agreed on, or with a death."""

    status: int | None
    death: ProcessFailure | None
    run: Path | None
    """The run folder, if one was made."""
    unsaid: tuple[Problem, ...] = ()
    """What a process has found and could not tell."""


def launch(crew: LaunchSpec, words: Sequence[str], folder: Path, attempt: int) -> LaunchResult:
    """Run this program with `words` in every process and wait for all of them; `folder` is new and private."""
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.elastic.rendezvous import RendezvousError
    from torch.distributed.launcher.api import elastic_launch

    _hush()
    protect_children()
    os.environ |= {LAUNCH: str(folder), LAUNCHER: str(os.getpid())}
    # The launcher's own store would listen on all interfaces, and nobody here asks it anything.
    os.environ.setdefault("TORCH_DISABLE_SHARE_RDZV_TCP_STORE", "1")
    run = elastic_launch(_config(crew, folder, attempt), sys.executable)
    death = None
    try:
        run(*program_arguments(*words))
    except ChildFailedError as error:
        death = _process_failure(error, folder)
    except SignalException as error:
        return LaunchResult(SIGNALLED + error.sigval, None, noted_run(folder))
    except RendezvousError as error:
        return LaunchResult(FAILED, None, noted_run(folder), (_unmet(crew, error),))
    status, unsaid = outcome(folder)
    return LaunchResult(status, death, noted_run(folder), unsaid)


def _config(crew: LaunchSpec, folder: Path, attempt: int) -> Any:
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
        # What ends a run on request is handed on by ourselves: nobody may be killed while it saves. A hang-up ends
        # nothing; processes whose launcher is gone save and stop.
        signals_to_handle="SIGQUIT",
    )


def _unmet(crew: LaunchSpec, error: Exception) -> Problem:
    return Problem(
        "HW715",
        f"{crew.nodes} machines did not meet at `{crew.meeting}`",
        notes=(first_line(error.__cause__ or error), f"each waits {_WAIT_SECONDS} seconds for the others"),
        helps=(
            "run the same command on every machine, with the same `--rdzv` and `--nodes`",
            "see that the first machine can be reached there by the others, and that nothing else uses the port",
        ),
    )


def _hush() -> None:
    """Keep the launcher's own account of a failure off the screen: the supervisor tells it once."""
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("torch.distributed.elastic"):
            logging.getLogger(name).setLevel(logging.CRITICAL)


def _process_failure(error: Any, folder: Path) -> ProcessFailure:
    """Return what is known of the first process that failed."""
    rank, failure = error.get_first_failure()
    _, step = heartbeat.signs(folder).get(rank, (0, 0))
    why = _read(folder / f"{_LOSS}{rank}") if failure.exitcode == LOST else None
    return ProcessFailure(rank, failure.exitcode, step, _last_words(folder, failure.local_rank), why or "")


def _last_words(folder: Path, local_rank: int, lines: int = 12) -> str:
    """Return the end of what a process wrote to its log; nothing for the one whose words were on the screen."""
    found = sorted((folder / _LOGS).glob(f"**/{local_rank}/stderr.log"))
    text = found[-1].read_text(encoding="utf-8", errors="replace") if found else ""
    return "\n".join(text.strip().splitlines()[-lines:])


def note_run(place: Path) -> None:
    """Leave word of the run folder for the launcher; nothing where there is none."""
    _note(_RUN, str(place))


def note_outcome(rank: int, status: int, problems: Sequence[Problem] = ()) -> None:
    """Leave word of the exit status and its reasons for the launcher; nothing where there is none."""
    _note(f"{_OUTCOME}{rank}", strict_json.dumps([status, problems_to_json(problems)]))


def note_loss(rank: int, reason: str) -> None:
    """Leave word of what this process heard when another one had gone; nothing where there is no launcher."""
    _note(f"{_LOSS}{rank}", f"it lost the others: {reason}")


def _note(name: str, text: str) -> None:
    if folder := os.environ.get(LAUNCH):
        # Every process says where the run is, at the same moment.
        draft = Path(folder) / f".{name}.{os.getpid()}"
        draft.write_text(text, encoding="utf-8")
        draft.replace(Path(folder) / name)


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def outcome(folder: Path) -> tuple[int | None, tuple[Problem, ...]]:
    """Return the exit status that a process of this machine left, if one did, and what nobody has said yet.

    The process of rank 0 speaks for itself. Where it left no word (it was ended while it waited for one that had
    failed), the reasons of the other are still to be told.
    """
    ranks = sorted(int(path.name.removeprefix(_OUTCOME)) for path in folder.glob(f"{_OUTCOME}*"))
    if not ranks:
        return None, ()
    status, problems = json.loads((folder / f"{_OUTCOME}{ranks[0]}").read_text(encoding="utf-8"))
    unsaid = ranks[0] > 0 and 0 in heartbeat.signs(folder)
    return int(status), problems_from_json(f"{ranks[0]}\n{problems}") if unsaid else ()


def noted_run(folder: Path) -> Path | None:
    """Return the run folder that a process left word of, if one was made."""
    path = _read(folder / _RUN)
    return None if path is None else Path(path)
