"""Supervision of launched processes: when one dies, all restart from the last checkpoint.

Two attempts that die at the same step would die there again: then it gives up; so it does after several that came
no further than one before.
"""

import contextlib
import tempfile
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

from declare.contract.problem import Problem
from declare.runtime.distributed.exit_codes import DONE, FAILED, MISSED, OUTPUT_LOST, STOPPED
from declare.runtime.distributed.launch import LaunchResult, LaunchSpec, ProcessFailure, launch
from declare.runtime.distributed.signal_forwarding import SignalForwarder
from declare.runtime.run_folder.event_file import Event, EventFile
from declare.runtime.run_folder.events import ProcessDied

_MAX_LINES = 12
_MAX_VAIN_ATTEMPTS = 4
"""Attempts in a row that come no further than one before them."""
_REPORTED_STATUSES = {1, 2}
"""Exit statuses of a command that found something wrong before it began, and has reported it."""
MakeArgv = Callable[[Path | None], Sequence[str]]
"""Returns the arguments of the command: for a new run, or to continue the one in a folder."""
Attempt = Callable[[Path, int, Path | None], LaunchResult]
"""Starts all processes in a new private folder, for the n-th time: for a new run, or to continue one."""
Report = Callable[[Problem], object]
RequestedStatus = Callable[[], int | None]
"""Returns the exit status that the user has asked for by a signal, if there was one."""


def supervise(spec: LaunchSpec, make_argv: MakeArgv, report: Report) -> int:
    """Run a command in a group of processes until it ends by its own account; return its exit status.

    `report` gets a finding for every death, and for giving up.
    """

    def attempt(folder: Path, number: int, run: Path | None) -> LaunchResult:
        forwarder.watch_folder(folder)
        return launch(spec, make_argv(run), folder, number)

    folder = tempfile.TemporaryDirectory(prefix="declare-", ignore_cleanup_errors=True)
    with folder as root, SignalForwarder(kills=True) as forwarder:
        try:
            return watch(spec, Path(root), attempt, report, lambda: forwarder.status)
        except KeyboardInterrupt:
            return forwarder.status or FAILED


def watch(
    spec: LaunchSpec, root: Path, attempt: Attempt, report: Report, requested_status: RequestedStatus
) -> int:
    """Make attempts, in folders below `root`, until one ends by its own account; return its exit status.

    None is made once it is asked to stop: the exit status is then `requested_status`.
    """
    died_at: int | None = None
    furthest, no_progress = -1, 0
    run: Path | None = None
    for number in count():
        folder = root / str(number)
        folder.mkdir(mode=0o700)
        result = attempt(folder, number, run)
        for problem in result.unreported_problems:
            report(problem)
        if result.status is not None and not _was_torn_down(result, requested_status()):
            return OUTPUT_LOST if _has_lost_output(result) else result.status
        if result.failure is None:
            report(no_outcome_problem(result.run))
            return FAILED
        if result.run is None and result.failure.exit_code in _REPORTED_STATUSES:
            return result.failure.exit_code
        run = result.run or run
        _record(run, result.failure, number)
        if (status := requested_status()) is not None:
            report(process_death_problem(result.failure, spec, run, restarts=False))
            return status
        no_progress = 0 if result.failure.step > furthest else no_progress + 1
        furthest = max(furthest, result.failure.step)
        if run is None or result.failure.step == died_at or no_progress == _MAX_VAIN_ATTEMPTS:
            report(gave_up_problem(result.failure, spec, had_run=run is not None))
            return FAILED
        died_at = result.failure.step
        report(process_death_problem(result.failure, spec, run))
    raise AssertionError("attempts never end by themselves")


def _was_torn_down(result: LaunchResult, requested_status: int | None) -> bool:
    """Report processes that the launcher ended when another one died, without a request to stop."""
    return result.status == STOPPED and result.failure is not None and requested_status is None


def _has_lost_output(result: LaunchResult) -> bool:
    """Report that a run came to its end in a process that could not print its result."""
    if result.failure is None or result.failure.exit_code != OUTPUT_LOST:
        return False
    return result.status in {DONE, MISSED}


def _record(run: Path | None, failure: ProcessFailure, attempt: int) -> None:
    """Write the failure into the events of the run, which is not locked now."""
    if run is None:
        return
    body = ProcessDied(
        rank=failure.rank, at=failure.step, cause=failure.cause, attempt=attempt, words=failure.log_tail
    )
    with contextlib.suppress(OSError):  # its disk is full, or it is on another machine
        file = EventFile(run)
        file.write(Event.of(body))
        file.close()


def process_death_problem(
    failure: ProcessFailure, spec: LaunchSpec, run: Path | None, *, restarts: bool = True
) -> Problem:
    """Return the problem that a process died, and that the group restarts unless it was asked to stop."""
    next_step = f"all processes restart from the last checkpoint of `{run}`"
    if not restarts:
        next_step = f"it was asked to stop: continue with `--resume {run}`" if run else "it was asked to stop"
    return Problem(
        "HW711",
        f"process {failure.rank} of {spec.size} died at step {failure.step}: {failure.cause}",
        notes=(next_step, *_lines(failure)),
    )


def no_outcome_problem(run: Path | None) -> Problem:
    """Return the problem that all processes exited normally without reporting the result of the run."""
    return Problem(
        "HW712",
        "the processes ended without reporting the result of the run",
        notes=("a library or a component may have ended them with status 0",),
        helps=(f"continue with `--resume {run}`",) if run else (),
    )


def gave_up_problem(failure: ProcessFailure, spec: LaunchSpec, *, had_run: bool) -> Problem:
    """Return the finding that processes died twice at the same step, often in vain, or before there was a run."""
    moment = "again" if had_run else "before the run began"
    return Problem(
        "HW712",
        f"process {failure.rank} of {spec.size} died at step {failure.step} {moment}: {failure.cause}",
        notes=_lines(failure),
        helps=(
            "see whether memory ran out or a library crashes: try with one process, `--procs 1`",
            "then continue from the last checkpoint with `--resume`",
        ),
    )


def _lines(failure: ProcessFailure) -> tuple[str, ...]:
    return tuple(f"it wrote: {line}" for line in failure.log_tail.splitlines()[-_MAX_LINES:] if line.strip())
