"""Detects that files of the run folder were deleted during the run, and restores what it can."""

from collections.abc import Callable
from pathlib import Path

from declare.ir.checkpoint_files import CHECKPOINTS
from declare.ir.plan import Plan
from declare.runtime.listeners.listener import Listener
from declare.runtime.run_folder.durable_io import write_durably
from declare.runtime.run_folder.event_file import EVENTS_FILE, Event
from declare.runtime.run_folder.events import FileDeleted
from declare.runtime.run_folder.folder import METRICS, PLAN, plan_content

_WHEN = frozenset({"step", "evaluated", "checkpoint_saved", "phase_finished", "trivial", "oracle"})


class FolderWatch(Listener):
    """Reports files that have gone, once each time; `metrics.csv` and `events.jsonl` come back by their writers.

    The plan is written again. Checkpoints cannot be: their folder is made again, for those that are still to come.
    """

    def __init__(self, plan: Plan, folder: Path, emit: Callable[[Event], object]) -> None:
        self._plan, self._folder, self._emit = plan, folder, emit
        self._reported: set[str] = set()

    def on_event(self, event: Event) -> None:
        """Look after the files if something was written, or is about to be."""
        if event.name not in _WHEN or not self._folder.is_dir():
            return
        missing = [
            name for name in (PLAN, EVENTS_FILE, METRICS, CHECKPOINTS) if not (self._folder / name).exists()
        ]
        if PLAN in missing:
            write_durably(self._folder / PLAN, plan_content(self._plan))
        if CHECKPOINTS in missing:
            (self._folder / CHECKPOINTS).mkdir(mode=0o700, exist_ok=True)
        new = [name for name in missing if name not in self._reported]
        self._reported = set(missing)  # those that have not come back yet are not reported again
        for name in new:
            reason = "created again: its contents are lost" if name == CHECKPOINTS else "written again"
            body = FileDeleted(path=name, reason=reason)
            self._emit(Event.of(body, event.phase, event.step, event.total))
