"""Keeps every event in `events.jsonl`."""

from pathlib import Path

from declare.runtime.listeners.listener import Listener
from declare.runtime.run_folder.event_file import Event, EventFile

_UNKEPT = frozenset({"tick", "boundary"})


class EventWriter(Listener):
    """Writes events down as they happen."""

    def __init__(self, folder: Path) -> None:
        self._file = EventFile(folder)

    def on_event(self, event: Event) -> None:
        """Append the event, unless it only marks the time."""
        if event.name not in _UNKEPT:
            self._file.write(event)

    def close(self) -> None:
        """Make what was written durable."""
        self._file.close()
