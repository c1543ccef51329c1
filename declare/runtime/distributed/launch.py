"""Starting the processes of a run on this machine: PyTorch's elastic launcher, restarted for each attempt.

Each process is the same command, with its rank in the environment. They meet through a file on one machine,
and at an address on several. The launcher stays until all have ended, whatever signals it gets.
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
    rendezvous: str | None = None
    """`HOST:PORT` if several machines meet."""

    @property
    def size(self) -> int:
        """All processes."""
        return self.processes * self.nodes


@dataclass(frozen=True)
class ProcessFailure:
    """The first process that ended without an outcome."""

    rank: int
    exit_code: int
    """Negative for a signal; 0 if unknown."""
    step: int
    """How many steps of the run it had made."""
    log_tail: str
    """The end of what it wrote to its own log."""
    reason: str = ""
    """What ended it, if more is known than the exit status."""

    @property
    def cause(self) -> str:
        """What ended it, in words."""
        if self.reason:
            return self.reason
        if self.exit_code < 0:
            return f"killed by {_signal_name(-self.exit_code)}"
        return f"it exited with status {self.exit_code}"


def _signal_name(number: int) -> str:
    """Return the name of a signal, its number if it has none."""
    return signal.Signals(number).name if number in {*signal.Signals} else f"signal {number}"


@dataclass(frozen=True)
class LaunchResult:
    """How an attempt ended: with an exit status that the processes agreed on, or with a death."""

    status: int | None
    failure: ProcessFailure | None
    run: Path | None
    """The run folder, if one was made."""
    unreported_problems: tuple[Problem, ...] = ()
    """Problems that a process found and could not report."""


def launch(spec: LaunchSpec, argv: Sequence[str], folder: Path, attempt: int) -> LaunchResult:
    """Run this program with `argv` in every process and wait for all of them; `folder` is new and private."""
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.elastic.rendezvous import RendezvousError
    from torch.distributed.launcher.api import elastic_launch

    _silence_launcher()
    protect_children()
    os.environ |= {LAUNCH: str(folder), LAUNCHER: str(os.getpid())}
    # The launcher's own store would listen on all interfaces, and is not used here.
    os.environ.setdefault("TORCH_DISABLE_SHARE_RDZV_TCP_STORE", "1")
    run = elastic_launch(_config(spec, folder, attempt), sys.executable)
    failure = None
    try:
        run(*program_arguments(*argv))
    except ChildFailedError as error:
        failure = _process_failure(error, folder)
    except SignalException as error:
        return LaunchResult(SIGNALLED + error.sigval, None, read_run_folder(folder))
    except RendezvousError as error:
        return LaunchResult(FAILED, None, read_run_folder(folder), (_rendezvous_problem(spec, error),))
    status, unreported = read_outcome(folder)
    return LaunchResult(status, failure, read_run_folder(folder), unreported)


def _config(spec: LaunchSpec, folder: Path, attempt: int) -> Any:
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, Std
    from torch.distributed.launcher.api import LaunchConfig

    single_node = spec.nodes == 1
    rendezvous: dict[str, Any] = {"store_type": "file"} if single_node else {"join_timeout": _WAIT_SECONDS}
    return LaunchConfig(
        min_nodes=spec.nodes,
        max_nodes=spec.nodes,
        nproc_per_node=spec.processes,
        run_id=f"declare-{attempt}",
        rdzv_backend="c10d",
        rdzv_endpoint=str(folder / "meeting") if single_node else str(spec.rendezvous),
        rdzv_configs=rendezvous,
        local_addr="localhost" if single_node else None,
        max_restarts=0,
        logs_specs=DefaultLogsSpecs(
            log_dir=str(folder / _LOGS), redirects=dict.fromkeys(range(1, spec.processes), Std.ALL)
        ),
        # Requests to stop are handed on by ourselves: no process may be killed while it saves. A hang-up ends
        # nothing; processes whose launcher is gone save and stop.
        signals_to_handle="SIGQUIT",
    )


def _rendezvous_problem(spec: LaunchSpec, error: Exception) -> Problem:
    return Problem(
        "HW715",
        f"{spec.nodes} machines did not meet at `{spec.rendezvous}`",
        notes=(first_line(error.__cause__ or error), f"each waits {_WAIT_SECONDS} seconds for the others"),
        helps=(
            "run the same command on every machine, with the same `--rdzv` and `--nodes`",
            "see that the first machine can be reached there by the others, and that nothing else uses the port",
        ),
    )


def _silence_launcher() -> None:
    """Hide the launcher's own report of a failure: the supervisor prints one."""
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("torch.distributed.elastic"):
            logging.getLogger(name).setLevel(logging.CRITICAL)


def _process_failure(error: Any, folder: Path) -> ProcessFailure:
    """Return what is known of the first process that failed."""
    rank, failure = error.get_first_failure()
    _, step = heartbeat.read_heartbeats(folder).get(rank, (0, 0))
    reason = _read_text(folder / f"{_LOSS}{rank}") if failure.exitcode == LOST else None
    return ProcessFailure(rank, failure.exitcode, step, _log_tail(folder, failure.local_rank), reason or "")


def _log_tail(folder: Path, local_rank: int, lines: int = 12) -> str:
    """Return the end of what a process wrote to its log; nothing for the one that wrote to the screen."""
    logs = sorted((folder / _LOGS).glob(f"**/{local_rank}/stderr.log"))
    text = logs[-1].read_text(encoding="utf-8", errors="replace") if logs else ""
    return "\n".join(text.strip().splitlines()[-lines:])


def write_run_folder(place: Path) -> None:
    """Write the path of the run folder for the launcher, if there is one."""
    _write(_RUN, str(place))


def write_outcome(rank: int, status: int, problems: Sequence[Problem] = ()) -> None:
    """Write the exit status and its reasons for the launcher, if there is one."""
    _write(f"{_OUTCOME}{rank}", strict_json.dumps([status, problems_to_json(problems)]))


def write_peer_loss(rank: int, reason: str) -> None:
    """Write the error that this process got when another one had gone, for the launcher, if there is one."""
    _write(f"{_LOSS}{rank}", f"it lost the others: {reason}")


def _write(name: str, text: str) -> None:
    if folder := os.environ.get(LAUNCH):
        # Every process reports the run's folder at the same moment.
        draft = Path(folder) / f".{name}.{os.getpid()}"
        draft.write_text(text, encoding="utf-8")
        draft.replace(Path(folder) / name)


def _read_text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def read_outcome(folder: Path) -> tuple[int | None, tuple[Problem, ...]]:
    """Return the exit code that a process of this machine left, if any, and what has not been reported yet.

    Rank 0 reports its own problems. If it left none (it was ended while it waited for one that had
    failed), those of the others are still to be reported.
    """
    ranks = sorted(int(path.name.removeprefix(_OUTCOME)) for path in folder.glob(f"{_OUTCOME}*"))
    if not ranks:
        return None, ()
    status, problems = json.loads((folder / f"{_OUTCOME}{ranks[0]}").read_text(encoding="utf-8"))
    unreported = ranks[0] > 0 and 0 in heartbeat.read_heartbeats(folder)
    return int(status), problems_from_json(f"{ranks[0]}\n{problems}") if unreported else ()


def read_run_folder(folder: Path) -> Path | None:
    """Return the run folder that a process wrote down, if one was made."""
    path = _read_text(folder / _RUN)
    return None if path is None else Path(path)
