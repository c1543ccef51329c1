"""What happens in a run, as plain values, and the file that keeps it: `events.jsonl`."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from declare.contract import strict_json
from declare.runtime.run_folder.durable_io import open_own, reopen_if_replaced, write_all
from declare.runtime.run_folder.events import EventBody
from declare.system.secrets import hide_values

EVENTS_FILE = "events.jsonl"
_LONGEST = 1 << 22


@dataclass(frozen=True)
class Event:
    """One thing that happened, and where: `step` counts within the phase, `total` over all phases."""

    name: str
    phase: str | None = None
    step: int = 0
    total: int = 0
    fields: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, body: EventBody, phase: str | None = None, step: int = 0, total: int = 0) -> "Event":
        """Return `body` as an event at a place in the run."""
        return cls(body.event_name, phase, step, total, body.values())

    def __getitem__(self, key: str) -> Any:
        return self.fields[key]

    def record(self, now: float) -> dict[str, Any]:
        """Return the event as a line of `events.jsonl` holds it."""
        place = {} if self.phase is None else {"phase": self.phase, "step": self.step, "total": self.total}
        return {"time": round(now, 3), "event": self.name} | place | strict_json.finite(self.fields)


class EventFile:
    """Appends events to `events.jsonl`, one JSON object per line, readable during the run."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / EVENTS_FILE
        self._file = open_own(self._path, "a+")
        if self._file.tell() and not _ends_line(folder / EVENTS_FILE):
            # A killed run may have left half a line; the next one must not continue it.
            self._append(b"\n")

    def write(self, event: Event) -> None:
        """Append one event and hand it to the operating system; if the disk is full, none of it stays."""
        self._file = reopen_if_replaced(self._file, self._path)
        line = hide_values(strict_json.dumps(event.record(time.time()), separators=(",", ":"))) + "\n"
        self._append(line.encode())

    def _append(self, line: bytes) -> None:
        descriptor = self._file.fileno()
        before = os.fstat(descriptor).st_size
        try:
            write_all(descriptor, line)
        except OSError:
            os.ftruncate(descriptor, before)
            raise

    def close(self) -> None:
        """Flush to the disk and close."""
        os.fsync(self._file.fileno())
        self._file.close()


def _ends_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def read_events(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the events of a file in order; a line that a killed process left incomplete is skipped."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        # A folder of another user may hold anything: no line is longer than an event is.
        for line in iter(lambda: file.readline(_LONGEST), ""):
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict) and "event" in value:
                yield value
