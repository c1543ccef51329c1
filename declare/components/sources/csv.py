"""A table of comma-separated values."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, BinaryIO, ClassVar

from pydantic import Field as Param

from declare.components.sources._frames import TableSource
from declare.components.sources._text_files import Encoding, encoding_of, unknown_encoding
from declare.contract import strict_json
from declare.contract.code import Code, text_literal
from declare.contract.facts import Reader
from declare.contract.kinds.source import Extensions
from declare.contract.problem import Problem
from declare.system.out_of_memory import require_memory

if TYPE_CHECKING:
    import polars as pl

    from declare.components.sources._lines import Open


_LONGEST = 16 << 20


class Csv(TableSource):
    """A text table with a header line; UTF-8, UTF-16 or UTF-32 with a byte-order mark, or the stated `encoding`.

    Every cell is a text until a field parses it: `007` is a name for a `category` and seven for a `number`.
    Empty cells are missing. Blank lines are skipped, and so is a first column without a name (an index that
    some programs write). The meaning of columns is stated under `fields`.

    Example:
        ```yaml
        source: {type: csv, path: table.csv}
        ```
    """

    extensions: ClassVar[Extensions] = {".csv": {}, ".tsv": {"separator": "\t"}}
    also_called: ClassVar[tuple[str, ...]] = ("table", "tsv", "pandas", "dataframe", "excel", "xlsx", "sql")

    separator: str = Param(",", min_length=1, max_length=1, description="the character between cells")
    encoding: Encoding = None

    def check(self) -> Iterable[Problem]:
        """Yield a problem for an unknown encoding."""
        yield from unknown_encoding(self.encoding)

    def code(self, columns: Sequence[str]) -> Code:
        """Return code that reads the table with polars, every cell as text."""
        encoding = f', encoding="{self.encoding}"' if self.encoding else ""
        lines = (
            f"table = pl.read_csv({str(self.path)!r}, separator={self.separator!r}, infer_schema=False{encoding})",
            "table = table.filter(~pl.all_horizontal(pl.all().is_null()))",
        )
        pairs = ", ".join(f"{text_literal(name)}: table[{text_literal(name)}].to_list()" for name in columns)
        return Code(f"{{{pairs}}}", lines, ("import polars as pl",), kind="texts")

    def open(self) -> Reader:
        """Read the table; raises `ProblemError` DAT302, DAT312 or DAT333 if it cannot be read."""
        from declare.components.sources._frames import FrameReader, read_frame

        return FrameReader(read_frame(self.path, self._read), self.path, first_line=2)

    def _read(self) -> pl.DataFrame:
        import polars as pl

        from declare.components.sources._lines import fault, unescaped_quote
        from declare.components.sources._table_limits import refuse_large

        open_ = self._open()
        refuse_large(open_, self.separator)
        try:
            with open_() as file:
                frame = pl.read_csv(file, separator=self.separator, infer_schema=False, encoding="utf8")
        except pl.exceptions.PolarsError as error:
            raise ValueError(fault(open_, self.separator) or str(error)) from None
        if (because := unescaped_quote(open_, self.separator)) is not None:
            raise ValueError(because)
        if frame.width == 1 and (other := _other_separator(open_, self.separator)):
            raise ValueError(
                f"its cells seem to be separated by `{other}`: set `separator: {strict_json.dumps(other)}`"
            )
        # A line that is too short leaves its last cells empty.
        if frame.width > 1 and frame[:, -1].null_count():
            because = fault(open_, self.separator)
            if because is not None:
                raise ValueError(because)
        frame = _check_column_names(frame, open_, self.separator)
        _refuse_repeated_header(frame)
        # Blank lines are not samples.
        return frame.filter(~pl.all_horizontal(pl.all().is_null()))

    def _open(self) -> Open:
        """Return a function that opens the content as UTF-8: the file itself if that is its encoding."""
        encoding = encoding_of(self.path, self.encoding)
        if codecs.lookup(encoding).name in ("utf-8", "utf-8-sig"):
            return lambda: self.path.open("rb")
        require_memory(self.path.stat().st_size, f"`{self.path.name}`", copies=3)
        try:
            content = self.path.read_bytes().decode(encoding).encode()
        except UnicodeError as error:
            raise ValueError(f"it is not {encoding}: {error}") from None

        def reopen() -> BinaryIO:
            return io.BytesIO(content)

        return reopen


def _check_column_names(frame: pl.DataFrame, open_: Open, separator: str) -> pl.DataFrame:
    """Return the columns with a name; raises ValueError for two with the same name and for unnamed values."""
    from declare.components.sources._lines import header, twice

    # Polars renames the second of two equal names, and leaves the doubled quotation marks of a quoted name.
    if all(name.strip() and "_duplicated_" not in name and '"' not in name for name in frame.columns):
        return frame
    names = header(open_, separator)
    if (name := twice(names)) is not None:
        raise ValueError(f"the header line names `{name}` twice")
    kept = []
    for place, (name, column) in enumerate(zip(names, frame.columns, strict=True)):
        if name.strip():
            kept.append(frame[column].rename(name))
        elif place and frame[column].null_count() < frame.height:
            raise ValueError(f"the header line has an empty name: that of column {place + 1}")
    return frame.select(kept)


def _refuse_repeated_header(frame: pl.DataFrame) -> None:
    """Raise ValueError if a row of several cells is the header line again, as in files joined end to end."""
    import polars as pl

    if frame.width < 2:
        return
    # Of a wide table few rows are compared completely.
    rows = (frame[:, 0] == frame.columns[0]).arg_true()
    if len(rows):
        repeats = (
            frame[rows].select(pl.all_horizontal(pl.col(name) == name for name in frame.columns)).to_series()
        )
        if repeats.any():
            row = rows[repeats.arg_true()[0]] + 1
            raise ValueError(f"row {row} below the header line is the header line again")


def _other_separator(open_: Open, separator: str) -> str | None:
    """Return a separator that the header and first line contain equally often, if they lack `separator`."""
    with io.TextIOWrapper(open_(), encoding="utf-8-sig") as file:
        header, first = file.readline(_LONGEST), file.readline(_LONGEST)
    if separator in header:
        return None
    return next(
        (mark for mark in ";\t|," if header.count(mark) and header.count(mark) == first.count(mark)), None
    )
