"""The texts of a table's column: a sequence of them, and what is computed of all at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Self

from declare.contract.shapes import Array

if TYPE_CHECKING:
    import polars as pl


_LOOK = 1000
"""Texts that are tried before a whole column is."""


class TextColumn:
    """Texts [rows] of a column, None in gaps, stored in polars; behaves like a list.

    `of_times` means that the source holds times, of which these are the texts in ISO 8601.
    """

    def __init__(self, series: pl.Series, *, of_times: bool = False) -> None:
        self.series = series
        self.of_times = of_times
        self._numbers: Array | None = None
        self._tried = False

    @classmethod
    def of(cls, values: Iterable[str | None]) -> Self:
        """Return a column of single texts."""
        import polars as pl

        return cls(pl.Series(list(values), dtype=pl.String))

    @classmethod
    def concatenate(cls, parts: Iterable[Self]) -> Self:
        """Return columns one after the other."""
        import polars as pl

        columns = list(parts)
        series = pl.concat([part.series for part in columns])
        return cls(series, of_times=any(part.of_times for part in columns))

    def __len__(self) -> int:
        return self.series.len()

    def __iter__(self) -> Iterator[str | None]:
        return iter(self.series.to_list())

    def __getitem__(self, rows: Any) -> Any:
        """Return one text for a number, a column for an array of rows."""
        if hasattr(rows, "__len__") or isinstance(rows, slice):
            chosen = type(self)(self.series[rows], of_times=self.of_times)
            if self._numbers is not None:
                chosen._numbers, chosen._tried = self._numbers[rows], True  # noqa: SLF001 - its own kind
            return chosen
        return self.series[int(rows)]

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        import numpy as np

        return np.array(self.tolist(), dtype or object)

    def tolist(self) -> list[str | None]:
        """Return the texts as a list."""
        return self.series.to_list()

    def plain_numbers(self) -> Array | None:
        """Return float64 [rows], NaN in gaps, if every text is a number with a point and nothing else; else None.

        Read once, also for the rows that are chosen later; not to be written to.
        """
        if not self._tried:
            self._tried = True
            few = self.series.head(_LOOK)
            if _as_numbers(few) is not None:
                self._numbers = _as_numbers(self.series)
        return self._numbers

    def factorise(self) -> tuple[list[str | None], Array]:
        """Return the distinct texts in the order in which they first occur, and the index [rows] of each row's."""
        import numpy as np
        import polars as pl

        distinct = self.series.drop_nulls().unique(maintain_order=True)
        names: list[str | None] = distinct.to_list()
        if not names:
            return [None], np.zeros(len(self), np.int64)
        codes = self.series.cast(pl.Enum(distinct)).to_physical().cast(pl.Int64)
        if codes.null_count():
            names, codes = [*names, None], codes.fill_null(len(names))
        return names, codes.to_numpy()


def _as_numbers(texts: pl.Series) -> Array | None:
    """Return texts as float64, or None if one of them is not a number."""
    import polars as pl

    values = texts.cast(pl.Float64, strict=False)
    if values.null_count() != texts.null_count():
        return None
    return values.to_numpy()
