"""Stamps of the files that a dataset is read from: what they were when the run began, and what differs now."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from declare.contract import strict_json
from declare.contract.problem import Problem
from declare.data.read import cache
from declare.data.read.fingerprints import SPLITS
from declare.ir.plan import DatasetPlan
from declare.parsing.read_component import read_component
from declare.system.schema_check import read_json

LEDGER = "data.json"
_MOST_FILES = 100_000
_HASHED_FILES, _HASHED_BYTES = 2000, 64 << 20
"""Content is hashed up to so many files and bytes of a dataset; of larger ones size and time must do."""


class Stamp(NamedTuple):
    """Size, time of change and (of small data) content of a file."""

    size: int
    mtime_ns: int
    sha256: str | None = None


class Stamps:
    """The stamps of a dataset's files by path."""

    def __init__(self, files: Mapping[str, Stamp]) -> None:
        self.files = dict(files)

    @classmethod
    def of(cls, source: Mapping[str, Any], split: Mapping[str, Any]) -> "Stamps":
        """Stamp the files of a source block and of the splits that name files, as they are now."""
        stamps: dict[str, Stamp] = {}
        for path in _files(source, split):
            stamp = _stamp(path)
            if stamp is not None:
                stamps[str(path)] = stamp
            if len(stamps) == _MOST_FILES:
                break
        if len(stamps) > _HASHED_FILES or sum(stamp.size for stamp in stamps.values()) > _HASHED_BYTES:
            return cls(stamps)
        return cls({path: stamp._replace(sha256=_hash(Path(path))) for path, stamp in stamps.items()})

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Stamps":
        """Return the stamps that `plain` gave; raises TypeError or ValueError for others."""
        return cls({path: Stamp(*stamp) for path, stamp in plain.items()})

    def plain(self) -> dict[str, list[Any]]:
        """Return them as JSON holds them."""
        return {path: list(stamp) for path, stamp in self.files.items()}

    def difference(self, path: str | Path) -> str | None:
        """Return how a file differs from its stamp; None if it does not, or only by its time, or has none."""
        before = self.files.get(str(path))
        if before is None:
            return None
        now = _stamp(Path(path))
        if now is None:
            return f"it had {before.size} bytes when the run began and is gone"
        if now.size != before.size:
            return f"it had {before.size} bytes when the run began and has {now.size} now"
        if now.mtime_ns == before.mtime_ns:
            return None
        if before.sha256 is not None and _hash(Path(path)) == before.sha256:
            self.files[str(path)] = before._replace(mtime_ns=now.mtime_ns)
            return None
        what = "other content" if before.sha256 else "perhaps other content"
        return f"it was rewritten ({_time(now)}, before {_time(before)}): {what} of {now.size} bytes"

    def differences(self) -> Iterator[tuple[str, str]]:
        """Yield (path, how it differs) for each file that does."""
        for path in self.files:
            difference = self.difference(path)
            if difference is not None:
                yield path, difference


class Ledger:
    """The stamps of all datasets of a run, kept in its folder from the day that it began."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LEDGER
        self._stamps = _load(self._path)

    def of(self, name: str, data: DatasetPlan) -> Stamps:
        """Return the stamps of a dataset: those of the beginning, as long as these are the same data."""
        if name not in self._stamps or self._stamps[name][0] != data.fingerprint:
            self._stamps[name] = (data.fingerprint, Stamps.of(data.source, data.split))
            plain = {key: {"data": mark, "files": item.plain()} for key, (mark, item) in self._stamps.items()}
            cache.write_plain(self._path, strict_json.dumps(plain))
        return self._stamps[name][1]

    def differences(self, name: str, data: DatasetPlan) -> list[str] | None:
        """Return how the files of a dataset differ from the beginning; None if that is not known."""
        if name not in self._stamps:
            return None
        before = self._stamps[name][1]
        differences = [f"`{path}`: {how}" for path, how in before.differences()]
        new = [str(path) for path in _files(data.source, data.split) if str(path) not in before.files]
        return differences + [f"`{path}`: it is new" for path in new]


def _load(path: Path) -> dict[str, tuple[str, Stamps]]:
    """Return the contents of the file by dataset; raises `ProblemError` RES823 if it is damaged."""
    kept = read_json(path, "data") if path.exists() else {}
    return {name: (item["data"], Stamps.from_json(item["files"])) for name, item in kept.items()}


def _files(source: Mapping[str, Any], split: Mapping[str, Any]) -> Iterator[Path]:
    component = read_component("sources", source)
    named = [Path(split[name]) for name in SPLITS if isinstance(split.get(name), str | Path)]
    if not isinstance(split.get("train"), str | Path):
        yield from component.files()
    yield from named


def _stamp(path: Path) -> Stamp | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return Stamp(stat.st_size, stat.st_mtime_ns)


def _hash(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _time(stamp: Stamp) -> str:
    return datetime.fromtimestamp(stamp.mtime_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def changed_file(path: Path, difference: str) -> Problem:
    """Return the finding that a file changed while a run reads from it."""
    return Problem(
        "DAT374",
        f"`{path.name}` changed while the run reads from it",
        at="source",
        label="read from here",
        notes=(f"`{path}`: {difference}",),
        helps=(
            "restore it and continue with `dcl train --resume`",
            "or train a new run on the data as they are now",
        ),
    )
