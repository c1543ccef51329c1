"""Opening a dataset: its reader, explicit files of splits joined into one pool."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from declare.contract.data import Reader
from declare.contract.problem import Problem, ProblemError
from declare.contract.source import Source
from declare.data.fingerprints import SPLITS, at_file


def open_reader(source: Source, split: Mapping[str, Any]) -> Reader:
    """Return the source's reader; where `split` names files, a reader over all of them."""
    files = {name: split[name] for name in SPLITS if isinstance(split.get(name), str | Path)}
    if not files:
        return source.open()
    if not hasattr(source, "path"):
        raise ProblemError(
            Problem(
                "DAT314",
                f"a split by files needs a source with a `path`, not `{source.type_name()}`",
                at="split",
                helps=("give fractions instead",),
            )
        )
    readers = {}
    if "train" not in files:
        readers["train"] = source.open()
    for name, path in files.items():
        with at_file(name):
            readers[name] = source.model_copy(update={"path": Path(path)}).open()
    return Joined({name: readers[name] for name in SPLITS if name in readers})


def reads_late(reader: Reader) -> bool:
    """Whether a reader takes all columns from its files whenever it is asked, and holds none in memory."""
    return bool(getattr(reader, "reads_late", False))


def _sum_counts(readers: Sequence[Reader]) -> dict[str, int]:
    """Return what several readers pass over, by reason."""
    total: Counter[str] = Counter()
    for reader in readers:
        total.update(getattr(reader, "passed_over", {}))
    return dict(total)


class Joined:
    """Several readers one after the other, a split each."""

    def __init__(self, readers: Mapping[str, Reader]) -> None:
        self._readers = list(readers.values())
        ends = np.cumsum([reader.num_samples for reader in self._readers])
        self._starts = [0, *map(int, ends[:-1])]
        self.num_samples = int(ends[-1])
        self.folder = getattr(self._readers[0], "folder", Path())
        self.reads_late = any(map(reads_late, self._readers))
        self.passed_over: Mapping[str, int] = _sum_counts(self._readers)
        self.columns: Sequence[str] = tuple(
            name
            for name in self._readers[0].columns
            if all(name in reader.columns for reader in self._readers)
        )
        self.splits: Mapping[str, tuple[int, int]] = {
            name: (start, start + reader.num_samples)
            for (name, reader), start in zip(readers.items(), self._starts, strict=True)
        }

    def lacking(self, column: str) -> list[str]:
        """Return the splits whose file has no such column, where others have it."""
        without = [
            name
            for name, reader in zip(self.splits, self._readers, strict=True)
            if column not in reader.columns
        ]
        return without if len(without) < len(self._readers) else []

    def known_fields(self) -> dict[str, dict[str, Any]]:
        """Return what the first reader knows."""
        return self._readers[0].known_fields()

    def is_light(self, column: str) -> bool:
        """Return whether the column is light in all readers."""
        return all(reader.is_light(column) for reader in self._readers)

    def read(self, column: str, rows: np.ndarray[Any, Any] | None = None) -> Any:
        """Return the values of `rows`, in their order."""
        wanted = np.arange(self.num_samples) if rows is None else np.asarray(rows)
        found: list[Any] = [None] * len(wanted)
        for start, reader in zip(self._starts, self._readers, strict=True):
            places = np.flatnonzero((wanted >= start) & (wanted < start + reader.num_samples))
            if len(places):
                values = reader.read(column, wanted[places] - start)
                for place, value in zip(places, values, strict=True):
                    found[place] = value
        return found

    def where(self, row: int) -> str:
        """Say where a sample stands."""
        number = max(index for index, start in enumerate(self._starts) if start <= row)
        return self._readers[number].where(row - self._starts[number])
