"""Messages between the processes of a launch and the command that started it, through files of the launch's folder.

Each file is opened again to be read or written, so that a folder that several machines share is enough.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from declare.contract.problem import Problem
from declare.runtime.distributed.problem_json import problem_from_json
from declare.runtime.listeners.listener import Listener
from declare.runtime.run_folder.event_file import Event

_EVENTS, _RESULT = "events", "result"


@dataclass(frozen=True)
class Result:
    """The result of a launch, as reported by rank 0."""

    status: int
    folder: str = ""
    metrics: dict[str, float] | None = None
    problems: tuple[Problem, ...] = ()
    refused: bool = False
    """Whether `problems` kept the run from starting."""


class Sender(Listener):
    """Hands on every event of the leading process."""

    wants_ticks = True

    def __init__(self, folder: Path) -> None:
        self._path = folder / _EVENTS

    def on_event(self, event: Event) -> None:
        """Add the event to the file."""
        values = [event.name, event.phase, event.step, event.total, event.fields]
        line = json.dumps(values, default=str, allow_nan=True)  # for our own processes: NaN comes back as NaN
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


class Receiver:
    """Reads what a `Sender` hands on."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _EVENTS
        self._offset = 0

    def read_events(self) -> list[Event]:
        """Return the events since the last call."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                content = file.read()
        except FileNotFoundError:
            return []
        lines = content[: content.rfind(b"\n") + 1]
        self._offset += len(lines)
        return [Event(*json.loads(line)) for line in lines.splitlines()]


def write_result(folder: Path, result: Result) -> None:
    """Leave word of what became of the launch."""
    draft = folder / f"{_RESULT}.draft"
    draft.write_text(json.dumps(asdict(result), default=str, allow_nan=True), encoding="utf-8")
    draft.rename(folder / _RESULT)


def read_result(folder: Path) -> Result | None:
    """Return the result of the launch, or None if it was not reported."""
    try:
        values = json.loads((folder / _RESULT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Result(**values | {"problems": tuple(map(problem_from_json, values["problems"]))})
