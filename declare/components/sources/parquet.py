"""A table in Parquet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from declare.components.sources._frames import TableSource
from declare.contract.data import Reader

if TYPE_CHECKING:
    import polars as pl


class Parquet(TableSource):
    """A Parquet file; list columns are vectors or series.

    Example:
        ```yaml
        source: {type: parquet, path: table.parquet}
        ```
    """

    def open(self) -> Reader:
        """Read the table; raises `ProblemError` DAT302, DAT312 or DAT333 for a file that is none."""
        from declare.components.sources._frames import FrameReader, read_frame

        return FrameReader(read_frame(self.path, self._read), self.path)

    def _read(self) -> pl.DataFrame:
        """Read the table, after a look at what its own header promises; raises ValueError."""
        import polars as pl

        from declare.components.sources._frames import MOST_BYTES, MOST_COLUMNS, MOST_RATIO

        table = pl.scan_parquet(self.path, glob=False)
        columns, rows = len(table.collect_schema()), int(table.select(pl.len()).collect().item())
        if columns > MOST_COLUMNS:
            raise ValueError(f"it has {columns:,} columns, at most {MOST_COLUMNS:,} are read")
        size = 8 * rows * columns
        if size > MOST_BYTES and size > 8 * MOST_RATIO * self.path.stat().st_size:
            raise ValueError(
                f"it promises {rows:,} rows of {columns:,} columns in {self.path.stat().st_size:,} bytes"
            )
        return table.collect()
