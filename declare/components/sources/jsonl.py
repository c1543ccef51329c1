"""One JSON object per line."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field as Param

from declare.components.sources._frames import file_fingerprint
from declare.components.sources._json_objects import Room, parse
from declare.components.sources._text_files import Encoding, encoding_of, not_in, unknown_encoding
from declare.contract.code import Code, text_literal
from declare.contract.facts import Reader
from declare.contract.kinds.source import Extensions, Source, SpecPath
from declare.contract.problem import Problem, ProblemError
from declare.contract.strict_json import dumps
from declare.system.out_of_memory import refuse_if_short

_LONGEST = 64 << 20
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""How JSON writes half of a surrogate pair: alone it is not a text."""
_MOST_GAPS, _SMALL = 100, 10_000_000
"""Maximum ratio of missing cells to cells; a small table may have any number."""


class Jsonl(Source):
    """A text file with a JSON object in each line; keys are columns, and absent keys are missing values.

    Empty lines are skipped; a duplicate key in an object is refused. UTF-8, or UTF-16 or UTF-32 with a
    byte-order mark, unless `encoding` is stated.

    Example:
        ```yaml
        source: {type: jsonl, path: data.jsonl}
        ```
    """

    extensions: ClassVar[Extensions] = {".jsonl": {}}
    also_called: ClassVar[tuple[str, ...]] = ("json", "ndjson")

    path: SpecPath = Param(description="the file, a JSON object in each line")
    encoding: Encoding = None

    def check(self) -> Iterable[Problem]:
        """Yield a problem for an unknown encoding."""
        yield from unknown_encoding(self.encoding)

    def fingerprint(self) -> str:
        """Return the file's size and modification time."""
        return file_fingerprint(self.path)

    def code(self, columns: Sequence[str]) -> Code:
        """Return code that reads the lines."""
        lines = (
            f"lines = Path({str(self.path)!r}).read_text(encoding={self.encoding or 'utf-8'!r}).splitlines()",
            "rows = [json.loads(line) for line in lines if line.strip()]",
        )
        keys = map(text_literal, columns)
        pairs = ", ".join(f"{key}: [row.get({key}) for row in rows]" for key in keys)
        return Code(f"{{{pairs}}}", lines, ("import json", "from pathlib import Path"), kind="values")

    def open(self) -> Reader:
        """Read the lines; raises `ProblemError` DAT302, DAT312 or DAT333 with the line that is not an object."""
        from declare.components.sources._arrays import ArrayReader

        file_fingerprint(self.path)
        table = self._table()
        reader = ArrayReader(table.columns, origin=f"`{self.path.name}`", places=table.places)
        reader.folder = self.path.parent
        return reader

    def _table(self) -> "_Table":
        """Return the objects by column."""
        table = _Table(self.path.name)
        room = Room(f"`{self.path.name}`", self.path.stat().st_size)
        try:
            encoding = encoding_of(self.path, self.encoding)
            with self.path.open(encoding=encoding) as file:
                lines = enumerate(iter(lambda: file.readline(_LONGEST), ""), 1)
                for number, line in lines:
                    if line.strip():
                        room.require(line)
                        table.add(number, self._row(number, line))
        except UnicodeError as error:
            raise ProblemError(self._malformed_file(not_in(encoding, error))) from None
        except ValueError as error:
            raise ProblemError(self._malformed_file(str(error))) from None
        except OSError as error:
            refuse_if_short(error)
            raise ProblemError(self._malformed_file(str(error))) from None

        return table

    def _row(self, number: int, line: str) -> dict[str, Any]:
        if len(line) == _LONGEST:
            raise ProblemError(self._malformed_file(f"line {number} is longer than {_LONGEST >> 20} MiB"))
        try:
            row = parse(line)
            if _HALF.search(line):
                dumps(row, ensure_ascii=False).encode()  # half of a surrogate pair is not a text
        except ValueError as error:
            raise ProblemError(self._malformed_file(f"line {number}: {error}")) from None
        if not isinstance(row, dict):
            raise ProblemError(self._malformed_file(f"line {number} is not a JSON object"))
        return row

    def _malformed_file(self, because: str) -> Problem:
        return Problem(
            "DAT333",
            f"`{self.path.name}` is not one JSON object per line",
            at="source.path",
            label="malformed",
            notes=(because[:200],),
            helps=("repair the file, or remove the line",),
        )


class _Table:
    """Columns that grow line by line; objects are not kept, and an absent key costs one reference."""

    def __init__(self, name: str) -> None:
        from declare.components.sources._arrays import LinePlaces

        self.columns: dict[str, list[Any]] = {}
        self.places = LinePlaces()
        self.places.begin(name)
        self._cells = 0

    def add(self, number: int, row: Mapping[str, Any]) -> None:
        """Add the object of a line; raises ValueError if lines share so few keys that most cells are missing."""
        rows = len(self.places)
        for name in row:
            if name not in self.columns:
                self.columns[name] = [None] * rows
        for name, column in self.columns.items():
            column.append(row.get(name))
        self.places.add(number)
        self._cells += len(row)
        if (rows + 1) * max(1, len(self.columns)) > _MOST_GAPS * self._cells + _SMALL:
            reason = f"{rows + 1:,} lines name {len(self.columns):,} columns in {self._cells:,} cells"
            raise ValueError(f"{reason}: keys differ")
