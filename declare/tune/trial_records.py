"""Results of trials that run elsewhere, in files of the search's folder: their numbers and states."""

import json
from dataclasses import asdict, fields
from pathlib import Path

from declare.contract import strict_json
from declare.runtime.run_folder.durable_io import write_durably
from declare.tune.search import Trial

_NUMBERS, _FOLDER, _STOP = "numbers.json", "records", "stop"


class Records:
    """The records of a search."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def number(self, name: str) -> int:
        """Return the number of the trial that its engine calls `name`; a new one gets the next."""
        known = self.numbers()
        if name not in known:
            known[name] = len(known)
            write_durably(self._folder / _NUMBERS, strict_json.dumps(known, indent=1).encode())
        return known[name]

    def numbers(self) -> dict[str, int]:
        """Return the numbers of all trials by their engine's names."""
        path = self._folder / _NUMBERS
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}

    def write(self, trial: Trial) -> None:
        """Store the state of a trial."""
        place = self._folder / _FOLDER
        place.mkdir(mode=0o700, exist_ok=True)
        write_durably(place / f"{trial.number:04d}.json", strict_json.dumps(asdict(trial)).encode())

    def read(self, number: int) -> Trial | None:
        """Return the state of a trial, None for one that has not begun."""
        return _read(self._folder / _FOLDER / f"{number:04d}.json")

    def all(self) -> list[Trial]:
        """Return all trials that have begun, by number."""
        trials = map(_read, sorted((self._folder / _FOLDER).glob("[0-9]*.json")))
        return [trial for trial in trials if trial is not None]

    def order_stop(self, reason: str) -> None:
        """Ask all trials to stop, wherever they run."""
        write_durably(self._folder / _STOP, reason.encode())

    def forget_stop(self) -> None:
        """Let trials run again."""
        (self._folder / _STOP).unlink(missing_ok=True)

    def stop_reason(self) -> str:
        """Return why trials are to stop; empty if they are not."""
        path = self._folder / _STOP
        return path.read_text(encoding="utf-8") if path.exists() else ""


def _read(path: Path) -> Trial | None:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return Trial(**{field.name: record[field.name] for field in fields(Trial)})
    except (OSError, ValueError, KeyError, TypeError):
        return None
