"""A table in Parquet."""

from __future__ import annotations

from declare.components.sources._frames import TableSource
from declare.contract.data import Reader


class Parquet(TableSource):
    """A Parquet file; list columns are vectors or series.

    Example:
        ```yaml
        source: {type: parquet, path: table.parquet}
        ```
    """

    def open(self) -> Reader:
        """Read the table; raises `ProblemError` DAT302, DAT312 or DAT333 for a file that is none."""
        import polars as pl

        from declare.components.sources._frames import FrameReader, read_frame

        return FrameReader(read_frame(self.path, lambda: pl.read_parquet(self.path)), self.path)
