"""A reader of columns that are already in memory."""

from array import array
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from declare.contract.facts import Reader
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array


class ArrayReader(Reader):
    """Columns in memory as arrays or lists of equal length; file names in them are relative to `folder`.

    Raises `ProblemError` DAT302 if there are no samples and DAT317 if the columns differ in length.
    """

    def __init__(
        self,
        arrays: Mapping[str, Any],
        *,
        fields: Mapping[str, dict[str, Any]] | None = None,
        origin: str,
        truth: Mapping[str, Any] | None = None,
        expected: Mapping[str, Any] | None = None,
        places: Sequence[str] = (),
    ) -> None:
        self._arrays = {name: _by_position(values) for name, values in arrays.items()}
        self._fields = {name: dict(block) for name, block in (fields or {}).items()}
        self._origin = origin
        self._places = places
        self.truth = dict(truth or {})
        self._expected = dict(expected or {})
        self.folder = Path()
        self.columns: Sequence[str] = tuple(self._arrays)
        self.splits: Mapping[str, tuple[int, int]] = {}
        self.passed_over: Mapping[str, int] = {}
        self.num_samples = same_length({name: len(values) for name, values in self._arrays.items()}, origin)

    def known_fields(self) -> dict[str, dict[str, Any]]:
        """Return the field blocks that the source knows."""
        return {name: dict(block) for name, block in self._fields.items()}

    def is_light(self, column: str) -> bool:
        """Every column is in memory."""
        return column in self._arrays

    def read(self, column: str, rows: Array | None = None) -> Any:
        """Return the raw values of `column` for `rows`."""
        values = self._arrays[column]
        if rows is None:
            return values
        if isinstance(values, np.ndarray):
            return values[rows]
        return [values[int(row)] for row in rows]

    def expectation(self, column: str, rows: Array) -> Any:
        """Return the true expectation of `column` for `rows`; None if unknown."""
        values = self._expected.get(column)
        return None if values is None else values[rows]

    def where(self, row: int) -> str:
        """Return a description of where sample `row` comes from."""
        return self._places[row] if self._places else f"sample {row} of {self._origin}"


class LinePlaces(Sequence[str]):
    """Places of samples: file and line, formatted on demand; line 0 means the whole file."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._starts: list[int] = []
        self._lines = array("q")

    def begin(self, name: str) -> None:
        """Start the samples of another file."""
        self._names.append(name)
        self._starts.append(len(self._lines))

    def add(self, line: int) -> None:
        """Record the line of the next sample."""
        self._lines.append(line)

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            return [self[place] for place in range(*row.indices(len(self)))]
        place = range(len(self))[row]
        name, line = self._names[bisect_right(self._starts, place) - 1], self._lines[place]
        return f"{name} line {line}" if line else name


def _by_position(values: Any) -> Any:
    """Return a column as an array of numbers or times, or as a list; rows are positions, not index labels."""
    if isinstance(values, np.ndarray | list):
        return values
    if hasattr(values, "__array__"):
        array = np.asarray(values)
        return array if array.ndim != 1 or array.dtype.kind in "fiubMm" else array.tolist()
    return list(values)


def same_length(
    lengths: Mapping[str, int], origin: str, advice: str = "all columns need one value for each sample"
) -> int:
    """Return the number of samples of columns; raises DAT302 if it is 0, DAT317 if columns differ."""
    if not lengths or not max(lengths.values()):
        helps = ("check the path, and how the data were written",)
        raise ProblemError(
            Problem("DAT302", f"{origin} contains no samples", at="source", label="empty", helps=helps)
        )
    first = next(iter(lengths))
    for name, length in lengths.items():
        if length != lengths[first]:
            raise ProblemError(
                Problem(
                    "DAT317",
                    f"`{first}` has {lengths[first]} samples, `{name}` has {length}",
                    at="source",
                    label="columns of different lengths",
                    helps=(advice,),
                )
            )
    return lengths[first]
