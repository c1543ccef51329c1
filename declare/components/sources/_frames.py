"""Tables with named columns, read with polars."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from declare.contract.problem import Problem, ProblemError
from declare.contract.source import Source, SpecPath

if TYPE_CHECKING:
    import numpy as np
    import polars as pl


class TableSource(Source):
    """A file that holds a table."""

    path: SpecPath

    def fingerprint(self) -> str:
        """Return the file's size and time of change."""
        return file_fingerprint(self.path)


def file_fingerprint(path: Path) -> str:
    """Return path, size and time of a file; raises `ProblemError` DAT312 (not there) or DAT302 (empty)."""
    try:
        stat = path.stat()
    except OSError as error:
        raise ProblemError(_missing(path, error.strerror or str(error))) from None
    if path.is_dir():
        raise ProblemError(_missing(path, "it is a folder"))
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
        sorted(item.name for item in path.parent.glob(f"*{path.suffix}"))[:5] if path.parent.is_dir() else []
    )
    lies = f"`{path.parent}` holds {', '.join(near)}" if near else f"looked in `{path.parent}`"
    return Problem(
        "DAT312",
        f"`{path.name}` cannot be read: {because.lower()}",
        at="source.path",
        label="no such data",
        notes=(lies,),
        helps=("correct the path; relative ones start at the file that states them",),
    )


def read_frame(path: Path, read: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    """Return a table; what polars refuses is DAT333 with its first line of reason."""
    import polars as pl

    file_fingerprint(path)
    try:
        frame = read()
    except (pl.exceptions.PolarsError, OSError, ValueError, UnicodeDecodeError) as error:
        raise ProblemError(
            Problem(
                "DAT333",
                f"`{path.name}` is no table that can be read",
                at="source.path",
                label="malformed",
                notes=(
                    str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__,
                ),
                helps=("check that the type of the source is that of the file",),
            )
        ) from None
    if not frame.height or not frame.width:
        raise ProblemError(
            Problem("DAT302", f"`{path.name}` holds no rows", at="source.path", label="0 rows")
        )
    return frame


class FrameReader:
    """A reader of a table in memory: every column is light."""

    def __init__(self, frame: pl.DataFrame, path: Path, *, first_line: int | None = None) -> None:
        self._frame = frame
        self._path = path
        self.folder = path.parent
        self._first_line = first_line
        self.num_samples = frame.height
        self.columns: Sequence[str] = tuple(frame.columns)
        self.splits: Mapping[str, tuple[int, int]] = {}

    def known_fields(self) -> dict[str, dict[str, Any]]:
        """A table does not know what its columns mean."""
        return {}

    def is_light(self, column: str) -> bool:
        """Every column is in memory."""
        return True

    def read(self, column: str, rows: np.ndarray[Any, Any] | None = None) -> Any:
        """Return values: an array for numbers without gaps, else a list with None in the gaps."""
        series = self._frame[column]
        if rows is not None:
            series = series[rows]
        if series.dtype.is_decimal() or str(series.dtype).endswith("128"):
            series = series.cast(float)  # wider than any number of NumPy
        if series.dtype.is_numeric() and not series.null_count():
            return series.to_numpy()
        return series.to_list()

    def where(self, row: int) -> str:
        """Say in which line a sample stands."""
        place = f"row {row}"
        if self._first_line is not None and self._one_line_each:
            place = f"line {row + self._first_line}"
        return f"{self._path.name} {place}"

    @cached_property
    def _one_line_each(self) -> bool:
        """Whether no cell goes over several lines and no line is blank."""
        with self._path.open("rb") as file:
            lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
        return self.num_samples <= lines <= self.num_samples + 1
