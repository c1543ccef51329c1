"""Opening a dataset: its reader, explicit files of splits joined into one pool."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from declare.contract.facts import Reader
from declare.contract.kinds.source import Source
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array
from declare.contract.text_column import TextColumn
from declare.data.read.fingerprints import SPLITS, at_file


def open_reader(source: Source, split: Mapping[str, Any]) -> Reader:
    """Return the source's reader; if `split` names files, a reader over all of them."""
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
    for name, reader in readers.items():
        if reader.splits:
            raise ProblemError(_split_twice(name, files, reader))
    return JoinedReader({name: readers[name] for name in SPLITS if name in readers})


def _split_twice(name: str, files: Mapping[str, str | Path], reader: Reader) -> Problem:
    """Return the finding that what a split reads whole is divided into splits itself."""
    split_names = ", ".join(f"`{split}`" for split in reader.splits)
    stated = next(iter(files)) if name not in files else name
    return Problem(
        "DAT323",
        f"`split.{stated}` names files, but the source of `{name}` has its own {split_names}",
        at=f"split.{stated}",
        label="the data are split already",
        helps=(f"leave `split.{stated}` out, or name the part that is meant: `path: .../{name}`",),
    )


class JoinedReader(Reader):
    """Several readers one after the other, one for each split."""

    def __init__(self, readers: Mapping[str, Reader]) -> None:
        self._readers = list(readers.values())
        ends = np.cumsum([reader.num_samples for reader in self._readers])
        self._starts = [0, *map(int, ends[:-1])]
        self.num_samples = int(ends[-1])
        self.folder = self._readers[0].folder
        self.reads_late = any(reader.reads_late for reader in self._readers)
        self.passed_over: Mapping[str, int] = dict(
            sum((Counter(reader.passed_over) for reader in self._readers), Counter())
        )
        self.columns: Sequence[str] = tuple(
            name
            for name in self._readers[0].columns
            if all(name in reader.columns for reader in self._readers)
        )
        self.as_stored = next((reader.as_stored for reader in self._readers if reader.as_stored), "")
        self.splits: Mapping[str, tuple[int, int]] = {
            name: (start, start + reader.num_samples)
            for (name, reader), start in zip(readers.items(), self._starts, strict=True)
        }

    def lacking(self, column: str) -> list[str]:
        """Return the splits whose file has no such column, if others have it."""
        without = [
            name
            for name, reader in zip(self.splits, self._readers, strict=True)
            if column not in reader.columns
        ]
        return without if len(without) < len(self._readers) else []

    def read_as(self, column: str) -> str:
        """Return how readers decode the values of a column, if they state it."""
        return "; ".join(dict.fromkeys(filter(None, (reader.read_as(column) for reader in self._readers))))

    def known_fields(self) -> dict[str, dict[str, Any]]:
        """Return what the first reader knows."""
        return self._readers[0].known_fields()

    def is_light(self, column: str) -> bool:
        """Return whether the column is light in all readers."""
        return all(reader.is_light(column) for reader in self._readers)

    def read(self, column: str, rows: Array | None = None) -> Any:
        """Return the values of `rows`, in their order, with one type if all readers have the same."""
        wanted = np.arange(self.num_samples) if rows is None else np.asarray(rows)
        numbers = np.searchsorted(self._starts, wanted, side="right") - 1
        places, parts = [], []
        for number in np.unique(numbers):
            here = np.flatnonzero(numbers == number)
            places.append(here)
            parts.append(self._readers[number].read(column, wanted[here] - self._starts[number]))
        if len(parts) == 1:
            return parts[0]
        order = np.argsort(np.concatenate(places)) if places else wanted
        return _join_values(parts, order)

    def where(self, row: int) -> str:
        """Return where a sample comes from."""
        number = max(index for index, start in enumerate(self._starts) if start <= row)
        return self._readers[number].where(row - self._starts[number])


def _join_values(parts: Sequence[Any], order: Array) -> Any:
    """Return values of several readers as one column in `order`; only equal types are ever made one array."""
    if parts and all(isinstance(part, TextColumn) for part in parts):
        joined = TextColumn.concatenate(parts)
        return joined if bool((np.diff(order) == 1).all()) else joined[order]
    if parts and all(isinstance(part, np.ndarray) for part in parts):
        kinds = {(part.dtype, part.shape[1:]) for part in parts}
        if len(kinds) == 1 or all(part.dtype.kind == "U" and part.ndim == 1 for part in parts):
            return np.concatenate(parts)[order]
    values = [value for part in parts for value in part]
    return [values[place] for place in order]
