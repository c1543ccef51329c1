"""A table of comma-separated values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field as Param

from declare.components.sources._frames import TableSource
from declare.contract.data import Reader

if TYPE_CHECKING:
    import polars as pl


_LONGEST = 16 << 20


class Csv(TableSource):
    """A text table with a header line; UTF-8, a byte-order mark is fine.

    Every cell is a text until a field reads it: `007` is a name to a `category` and seven to a `number`, in all files
    alike. Empty cells are missing, blank lines are passed over. What a column means is stated under `fields`.

    Example:
        ```yaml
        source: {type: csv, path: table.csv}
        ```
    """

    separator: str = Param(",", min_length=1, max_length=1, description="what separates cells")

    def open(self) -> Reader:
        """Read the table; raises `ProblemError` DAT302, DAT312 or DAT333 for a file that is none."""
        from declare.components.sources._frames import FrameReader, read_frame

        return FrameReader(read_frame(self.path, self._read), self.path, first_line=2)

    def _read(self) -> pl.DataFrame:
        import polars as pl

        from declare.components.sources._lines import fault, twice

        _refuse_width(self.path, self.separator)
        try:
            frame = pl.read_csv(self.path, separator=self.separator, infer_schema=False, encoding="utf8")
        except pl.exceptions.PolarsError as error:
            raise ValueError(fault(self.path, self.separator) or str(error)) from None
        if frame.width == 1 and (other := _other_separator(self.path, self.separator)):
            raise ValueError(
                f"its cells seem to be separated by `{other}`: set `separator: {json.dumps(other)}`"
            )
        if any(not name.strip() for name in frame.columns):
            raise ValueError("the header line has an empty name")
        if any("_duplicated_" in name for name in frame.columns):
            name = twice(self.path, self.separator)
            if name is not None:
                raise ValueError(f"the header line names `{name}` twice")
        # A line that is too short leaves its last cells empty.
        if frame.width > 1 and frame[:, -1].null_count():
            because = fault(self.path, self.separator)
            if because is not None:
                raise ValueError(because)
        # Blank lines are no samples.
        return frame.filter(~pl.all_horizontal(pl.all().is_null()))


def _refuse_width(path: Path, separator: str) -> None:
    """Raise ValueError for a first line that is endless, or that names more columns than any table has."""
    from declare.components.sources._frames import MOST_COLUMNS

    with path.open("rb") as file:
        line = file.readline(_LONGEST)
    if len(line) == _LONGEST:
        raise ValueError(f"its first line has more than {_LONGEST >> 20} MiB")
    columns = line.count(separator.encode()) + 1
    if columns > MOST_COLUMNS:
        raise ValueError(f"its first line has {columns:,} cells, at most {MOST_COLUMNS:,} are read")


def _other_separator(path: Path, separator: str) -> str | None:
    """Return what the header and the first line hold equally often, where they do not hold `separator`."""
    with path.open(encoding="utf-8-sig") as file:
        header, first = file.readline(_LONGEST), file.readline(_LONGEST)
    if separator in header:
        return None
    return next(
        (mark for mark in ";\t|," if header.count(mark) and header.count(mark) == first.count(mark)), None
    )
