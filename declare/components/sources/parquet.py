"""A table in Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from declare.components.sources._frames import TableSource
from declare.contract.code import Code, text_literal
from declare.contract.facts import Reader
from declare.contract.kinds.source import Extensions

if TYPE_CHECKING:
    import polars as pl


class Parquet(TableSource):
    """A Parquet file; list columns are vectors or series.

    Example:
        ```yaml
        source: {type: parquet, path: table.parquet}
        ```
    """

    extensions: ClassVar[Extensions] = {".parquet": {}}
    also_called: ClassVar[tuple[str, ...]] = ("arrow", "feather")

    def code(self, columns: Sequence[str]) -> Code:
        """Return code that reads the table with polars."""
        lines = (f"table = pl.read_parquet({str(self.path)!r}, columns={[*columns]!r})",)
        pairs = ", ".join(f"{text_literal(name)}: table[{text_literal(name)}].to_list()" for name in columns)
        return Code(f"{{{pairs}}}", lines, ("import polars as pl",), kind="values")

    def open(self) -> Reader:
        """Read the table; raises `ProblemError` DAT302, DAT312 or DAT333 if it cannot be read."""
        from declare.components.sources._frames import FrameReader, read_frame

        return FrameReader(read_frame(self.path, self._read), self.path)

    def _read(self) -> pl.DataFrame:
        """Read the table, after checking the sizes in its headers; raises ValueError."""
        import polars as pl

        from declare.components.sources._parquet_limits import refuse_large

        refuse_large(self.path)
        return pl.scan_parquet(self.path, glob=False).collect()
