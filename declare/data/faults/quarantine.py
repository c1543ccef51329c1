"""The samples that a run skips because they cannot be read: one list, stored next to its checkpoints."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from declare.contract import strict_json
from declare.data.read import cache
from declare.system.schema_check import read_json

QUARANTINE = "quarantine.json"


@dataclass(frozen=True)
class SkippedSample:
    """A sample that cannot be read: another one trains in its place, evaluations leave it out."""

    split: str
    row: int
    where: str
    reason: str
    late: bool = False
    """Whether it could be read when the run began."""


class Quarantine:
    """What was left out so far, by dataset; with a folder it is kept there and found again by a resumed run.

    Threads that decode add to it; `news` is for the one that trains.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._path = folder / QUARANTINE if folder else None
        self._lock = Lock()
        kept = _read(self._path)
        self._samples = {
            name: {int(item["row"]): SkippedSample(**item) for item in block["samples"]}
            for name, block in kept.items()
        }
        self._prints = {name: str(block["data"]) for name, block in kept.items()}
        self._told = {name: len(samples) for name, samples in self._samples.items()}

    def initial_reasons(self, dataset: str, fingerprint: str) -> dict[int, str] | None:
        """Return which samples of these data were skipped from the start; None if unknown."""
        if self._prints.get(dataset) != fingerprint:
            return None
        return {row: item.reason for row, item in self._samples[dataset].items() if not item.late}

    def late(self, dataset: str) -> dict[int, str]:
        """Return the rows of a dataset that were found to be unreadable during the run."""
        with self._lock:
            return {row: item.reason for row, item in self._samples.get(dataset, {}).items() if item.late}

    def late_samples(self) -> dict[str, list[SkippedSample]]:
        """Return by dataset the samples that were found to be unreadable during the run."""
        with self._lock:
            return {
                name: [item for item in samples.values() if item.late]
                for name, samples in self._samples.items()
            }

    def begin(self, dataset: str, fingerprint: str) -> None:
        """Begin or continue the list of these data; a list of other data is forgotten."""
        with self._lock:
            if self._prints.get(dataset) != fingerprint:
                self._samples[dataset], self._told[dataset] = {}, 0
            self._prints[dataset] = fingerprint

    def add(self, dataset: str, *skipped: SkippedSample) -> None:
        """Take samples that cannot be read."""
        with self._lock:
            samples = self._samples.setdefault(dataset, {})
            self._told.setdefault(dataset, 0)
            fresh = [item for item in skipped if item.row not in samples]
            samples.update({item.row: item for item in fresh})
            if fresh and self._path is not None:
                cache.write_plain(self._path, strict_json.dumps(self._plain(), indent=1))

    def news(self) -> list[tuple[str, SkippedSample]]:
        """Return what was added since the last call, with its dataset."""
        if all(len(samples) == self._told[name] for name, samples in self._samples.items()):
            return []
        with self._lock:
            fresh = [
                (name, item)
                for name, samples in self._samples.items()
                for item in list(samples.values())[self._told[name] :]
            ]
            self._told = {name: len(samples) for name, samples in self._samples.items()}
        return fresh

    def _plain(self) -> dict[str, Any]:
        return {
            name: {"data": self._prints.get(name, ""), "samples": [vars(item) for item in samples.values()]}
            for name, samples in self._samples.items()
            if samples
        }


def _read(path: Path | None) -> Mapping[str, Any]:
    """Return the contents of a file of an earlier start; empty if it is absent.

    Raises `ProblemError` RES823 if it is damaged: a run that forgot it would train on other samples.
    """
    if path is None or not path.exists():
        return {}
    kept: Mapping[str, Any] = read_json(path, "quarantine")
    return kept
