"""Watching over launched processes: when one dies, all start anew from the last checkpoint.

Two attempts that die at the same step would go on dying there: then it gives up; so it does after several that came
no further than one before.
"""

import contextlib
import tempfile
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

from declare.contract.problem import Problem
from declare.runtime.distributed.exit_codes import FAILED, STOPPED
from declare.runtime.distributed.launch import LaunchResult, LaunchSpec, ProcessFailure, launch
from declare.runtime.distributed.stop_request import StopRequestFile
from declare.runtime.run_folder.event_file import Event, EventFile
from declare.runtime.run_folder.events import ProcessDied

_SHOWN = 12
_VAIN = 4
"""Attempts in a row that come no further than one before them."""
_SAID = {1, 2}
"""Exit statuses of a command that found something wrong before it began, and has said so."""
Words = Callable[[Path | None], Sequence[str]]
"""The words of the command: for a new run, or to continue the one in a folder."""
Attempt = Callable[[Path, int, Path | None], LaunchResult]
"""Starts all processes in a new private folder, for the n-th time: for a new run, or to continue one."""
Tell = Callable[[Problem], object]
Asked = Callable[[], int | None]
"""Returns the exit status that the user has asked for by a signal, if there was one."""


def supervise(crew: LaunchSpec, words: Words, tell: Tell) -> int:
    """Run a command in a crew of processes until it ends by its own account; return its exit status.

    `tell` hears of every death, and of giving up.
    """

    def attempt(folder: Path, number: int, run: Path | None) -> LaunchResult:
        orders.begin(folder)
        return launch(crew, words(run), folder, number)

    folder = tempfile.TemporaryDirectory(prefix="declare-", ignore_cleanup_errors=True)
    with folder as root, StopRequestFile(kills=True) as orders:
        try:
            return watch(crew, Path(root), attempt, tell, lambda: orders.status)
        except KeyboardInterrupt:
            return orders.status or FAILED


def watch(crew: LaunchSpec, root: Path, attempt: Attempt, tell: Tell, asked: Asked) -> int:
    """Make attempts, in folders below `root`, until one ends by its own account; return its exit status.

    None is made once it is asked to stop: the exit status is then what `asked` says.
    """
    died_at: int | None = None
    furthest, vain = -1, 0
    run: Path | None = None
    for number in count():
        folder = root / str(number)
        folder.mkdir(mode=0o700)
        ending = attempt(folder, number, run)
        for problem in ending.unsaid:
            tell(problem)
        if ending.status is not None and not _torn_down(ending, asked()):
            return ending.status
        if ending.death is None:
            tell(wordless(ending.run))
            return FAILED
        if ending.run is None and ending.death.exit_code in _SAID:
            return ending.death.exit_code
        run = ending.run or run
        _record(run, ending.death, number)
        if (status := asked()) is not None:
            tell(process_death_problem(ending.death, crew, run, anew=False))
            return status
        vain = 0 if ending.death.step > furthest else vain + 1
        furthest = max(furthest, ending.death.step)
        if run is None or ending.death.step == died_at or vain == _VAIN:
            tell(gave_up(ending.death, crew, again=run is not None))
            return FAILED
        died_at = ending.death.step
        tell(process_death_problem(ending.death, crew, run))
    raise AssertionError("attempts never end by themselves")


def _torn_down(ending: LaunchResult, asked: int | None) -> bool:
    """Tell of processes that stopped because the launcher ended them when another one died: nobody asked for it."""
    return ending.status == STOPPED and ending.death is not None and asked is None


def _record(run: Path | None, death: ProcessFailure, attempt: int) -> None:
    """Write the death into the events of the run, which nobody holds now."""
    if run is None:
        return
    body = ProcessDied(rank=death.rank, at=death.step, cause=death.cause, attempt=attempt, words=death.words)
    with contextlib.suppress(OSError):  # its disk is full, or it stands on another machine
        file = EventFile(run)
        file.write(Event.of(body))
        file.close()


def process_death_problem(
    death: ProcessFailure, crew: LaunchSpec, run: Path | None, *, anew: bool = True
) -> Problem:
    """Return the finding that a process died, and that the group starts anew unless it was asked to stop."""
    then = f"all processes start anew from the last checkpoint of `{run}`"
    if not anew:
        then = f"it was asked to stop: continue with `--resume {run}`" if run else "it was asked to stop"
    return Problem(
        "HW711",
        f"process {death.rank} of {crew.size} died at step {death.step}: {death.cause}",
        notes=(then, *_lines(death)),
    )


def wordless(run: Path | None) -> Problem:
    """Return the finding that all processes ended as if all were well, and none said what became of the run."""
    return Problem(
        "HW712",
        "the processes ended without a word of what became of the run",
        notes=("a library or a component may have ended them with status 0",),
        helps=(f"continue with `--resume {run}`",) if run else (),
    )


def gave_up(death: ProcessFailure, crew: LaunchSpec, *, again: bool) -> Problem:
    """Return the finding that processes died twice at the same step, often in vain, or before there was a run."""
    why = "again" if again else "before the run began"
    return Problem(
        "HW712",
        f"process {death.rank} of {crew.size} died at step {death.step} {why}: {death.cause}",
        notes=_lines(death),
        helps=(
            "see whether memory ran out or a library crashes: try with one process, `--procs 1`",
            "then continue from the last checkpoint with `--resume`",
        ),
    )


def _lines(death: ProcessFailure) -> tuple[str, ...]:
    return tuple(f"it wrote: {line}" for line in death.words.splitlines()[-_SHOWN:] if line.strip())
