"""Sends metrics to the places that the spec's `tracking` names."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from declare.contract.problem import ProblemError
from declare.ir.plan import Plan
from declare.runtime.listeners.listener import Listener
from declare.runtime.listeners.metrics import scalars
from declare.runtime.run_folder.event_file import Event

if TYPE_CHECKING:
    from declare.contract.kinds.tracker import Log, Tracker


class Trackers(Listener):
    """Opens every tracker when the run starts and hands it what `metrics.csv` gets too."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._logs: list[Log] = []

    def on_event(self, event: Event) -> None:
        """Open at the start, then record."""
        if event.name == "run_started" and self._plan.tracking:
            self._open()
        values = scalars(event)
        if values:
            for log in tuple(self._logs):
                self._record(log, event.total, values)

    def _record(self, log: Log, step: int, values: Mapping[str, float]) -> None:
        try:
            log.scalars(step, values)
        except ProblemError:
            self._logs.remove(log)  # it does not end well either
            raise

    def _open(self) -> None:
        from declare.parsing.read_component import read_component

        plan = self._plan.model_dump(mode="json")
        for block in self._plan.tracking:
            tracker: Tracker = read_component("trackers", block)
            self._logs.append(tracker.open(self._folder, self._plan.name, plan))

    def close(self) -> None:
        """Flush and close every tracker."""
        logs, self._logs = self._logs, []
        for log in logs:
            with suppress(Exception):  # all was recorded: a failure to close it loses nothing
                log.close()
