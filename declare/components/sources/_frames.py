"""Tables with named columns, read with polars."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING, Any

from pydantic import Field as Param

from declare.components.sources._arrow_extensions import extension_values, is_extension
from declare.contract.facts import Reader
from declare.contract.kinds.source import Source, SpecPath, is_folder
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array
from declare.contract.text_column import TextColumn
from declare.system.memory_limits import address_limit
from declare.system.out_of_memory import refuse_if_short

if TYPE_CHECKING:
    import polars as pl


MOST_BYTES = 1 << 28
"""Maximum size of an unpacked column, however small its file is."""
MOST_RATIO = 100
"""Maximum ratio of an unpacked column to its file, above that size."""
MOST_COLUMNS = 100_000
WORK_BYTES = 512 << 20
"""Address space that a polars thread needs to read the smallest table; without it the process ends."""
_REFUSALS = (OSError, ValueError, MemoryError)


class TableSource(Source):
    """A file that contains a table."""

    path: SpecPath = Param(description="the file or folder")

    def fingerprint(self) -> str:
        """Return the file's size and modification time."""
        return file_fingerprint(self.path)


def file_fingerprint(path: Path) -> str:
    """Return path, size and time of a file; raises `ProblemError` DAT312 (missing) or DAT302 (empty)."""
    try:
        stat = path.stat()
    except (OSError, ValueError) as error:
        raise ProblemError(_missing(path, getattr(error, "strerror", None) or str(error))) from None
    if not S_ISREG(stat.st_mode):
        # A pipe or a device may never end; neither is data of a spec.
        what = "it is a folder" if S_ISDIR(stat.st_mode) else "it is not a regular file"
        raise ProblemError(_missing(path, what))
    if stat.st_size == 0:
        raise ProblemError(
            Problem(
                "DAT302",
                f"`{path.name}` is empty",
                at="source.path",
                label="0 bytes",
                helps=("check the path",),
            )
        )
    return f"{path} {stat.st_size} {stat.st_mtime_ns}"


def _missing(path: Path, because: str) -> Problem:
    near = (
        sorted(item.name for item in path.parent.glob(f"*{path.suffix}"))[:5]
        if is_folder(path.parent)
        else []
    )
    lies = f"`{path.parent}` contains {', '.join(near)}" if near else f"looked in `{path.parent}`"
    return Problem(
        "DAT312",
        f"`{path.name}` cannot be read: {because.lower()}",
        at="source.path",
        label="no such data",
        notes=(lies,),
        helps=("correct the path; relative paths start at the file that states them",),
    )


def read_frame(path: Path, read: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    """Return a table; raises DAT333 with the first line of polars's reason."""
    if "polars" not in sys.modules and address_limit() is not None:
        os.environ.setdefault("POLARS_MAX_THREADS", "1")  # each takes its own address space
    import polars as pl

    file_fingerprint(path)
    try:
        frame = read()
    except (*_REFUSALS, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        refuse_if_short(error)
        raise ProblemError(
            Problem(
                "DAT333",
                f"`{path.name}` is not a readable table",
                at="source.path",
                label="malformed",
                notes=(
                    str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__,
                ),
                helps=("check that the type of the source matches the file",),
            )
        ) from None
    if not frame.height or not frame.width:
        raise ProblemError(
            Problem(
                "DAT302",
                f"`{path.name}` contains no rows",
                at="source.path",
                label="0 rows",
                helps=("check the path; the first line contains the column names, rows follow",),
            )
        )
    return frame


def _sizes(series: pl.Series) -> Iterator[int]:
    """Yield the approximate number of bytes of the texts or numbers of a column when unpacked."""
    import polars as pl

    while isinstance(series.dtype, pl.List | pl.Array):
        yield 8 * series.len()
        lengths = series.list.len() if isinstance(series.dtype, pl.List) else series.arr.len()
        if 8 * (total := int(lengths.cast(pl.Int64).sum() or 0)) > MOST_BYTES:
            yield 8 * total
            return
        series = series.explode()
    if series.dtype == pl.String:
        yield int(series.str.len_bytes().cast(pl.Int64).sum() or 0)
    elif isinstance(series.dtype, pl.Categorical | pl.Enum):
        yield int(series.cat.len_bytes().cast(pl.Int64).sum() or 0)


def _digits(series: pl.Series) -> pl.Series:
    """Return decimals and integers of any size as texts, without trailing zeros of a fraction."""
    import polars as pl

    return series.cast(pl.String).str.replace(r"(\.[0-9]*?)0+$", "$1").str.strip_suffix(".")


def _values(series: pl.Series) -> Any:
    """Return the values of a column that is not plain text."""
    import polars as pl

    kind = series.dtype
    if is_extension(kind):
        return extension_values(series)
    if kind.is_decimal() or str(kind).endswith("128"):
        return TextColumn(_digits(series))
    if isinstance(kind, pl.Categorical | pl.Enum):
        return TextColumn(series.cast(pl.String))
    if isinstance(kind, pl.Datetime) and kind.time_zone:
        moments = series.dt.convert_time_zone("UTC")
        return TextColumn(moments.dt.strftime("%Y-%m-%dT%H:%M:%S%.f+00:00"), of_times=True)
    is_plain = (kind.is_numeric() or kind == pl.Boolean) and not series.null_count()
    # Floats with gaps too: as Python's own they would be of 64 bits, and 0.1 of 32 bits another number.
    if is_plain or kind.is_float() or kind == pl.Date or isinstance(kind, pl.Datetime | pl.Duration):
        return series.to_numpy()
    return series.to_list()


def _is_all(rows: Array, number: int) -> bool:
    """Return whether rows are all rows in order."""
    return len(rows) == number and bool((rows[1:] - rows[:-1] == 1).all()) and (not number or rows[0] == 0)


class FrameReader(Reader):
    """A reader of a table in memory."""

    def __init__(self, frame: pl.DataFrame, path: Path, *, first_line: int | None = None) -> None:
        self._frame = frame
        self._path = path
        self.folder = path.parent
        self._first_line = first_line
        self._texts: dict[str, TextColumn] = {}
        self.num_samples = frame.height
        self.columns: Sequence[str] = tuple(frame.columns)
        self.splits: Mapping[str, tuple[int, int]] = {}

    def known_fields(self) -> dict[str, dict[str, Any]]:
        """Return nothing: a table does not define what its columns mean."""
        return {}

    def is_light(self, column: str) -> bool:
        """Every column is in memory."""
        return True

    def read(self, column: str, rows: Array | None = None) -> Any:
        """Return values: an array of numbers, booleans or times without a zone, a column of texts, or a list.

        Values that NumPy cannot represent (decimals, 128 bits) are returned as digits, times with a zone as
        ISO 8601 in UTC.
        """
        import polars as pl

        series = self._frame[column]
        if column not in self._texts:
            self._refuse_expansion(column, series)
        if series.dtype != pl.String:
            return _values(series if rows is None else series[rows])
        whole = self._texts.setdefault(column, TextColumn(series))
        return whole if rows is None or _is_all(rows, series.len()) else whole[rows]

    def _refuse_expansion(self, column: str, series: pl.Series) -> None:
        """Raise `ProblemError` (DAT335) for texts and lists far larger than their file: shared values."""
        size = sum(_sizes(series)) if series.dtype.is_nested() or not series.dtype.is_numeric() else 0
        if size > MOST_BYTES and size > MOST_RATIO * self._path.stat().st_size:
            raise ProblemError(
                Problem(
                    "DAT335",
                    f"`{column}` of `{self._path.name}` unpacks to {size / 1e9:.3g} GB",
                    at="source.path",
                    label="unsafe file",
                    notes=(f"limits: {MOST_BYTES >> 20} MiB, or {MOST_RATIO} times the file",),
                    helps=("write the values of the column without sharing",),
                )
            )

    def where(self, row: int) -> str:
        """Return the line of a sample."""
        place = f"row {row}"
        if self._first_line is not None and self._one_line_each:
            place = f"line {row + self._first_line}"
        return f"{self._path.name} {place}"

    @cached_property
    def _one_line_each(self) -> bool:
        """Return whether no cell spans several lines and no line is blank."""
        with self._path.open("rb") as file:
            lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
        return self.num_samples <= lines <= self.num_samples + 1
