"""Limits for the memory of a text table, found by counting bytes before it is parsed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from declare.components.sources._frames import MOST_COLUMNS, WORK_BYTES
from declare.components.sources._lines import LONGEST, fault
from declare.components.sources._text_files import refuse_compressed
from declare.system.out_of_memory import require_memory

if TYPE_CHECKING:
    from declare.components.sources._lines import Open

_BLOCK = 4 << 20
_CELL_BYTES = 16
"""Bytes of a cell in memory, including empty ones."""
_COLUMN_BYTES = 5000
"""Bytes of a column besides its cells."""
_COPIES = 3
"""Number of copies of a table in the address space while it is read: bytes, cells, a selection of these."""
_MOST_GAPS, _SMALL = 4, 10_000_000
"""Maximum ratio of missing cells to cells; a small table may have any number."""


def refuse_large(open_: Open, separator: str) -> None:
    """Raise ValueError for a text table that needs far more memory than its bytes.

    These are compressed files, lines over 16 MiB (quoted cells may span several), unclosed quotation marks,
    more than 100,000 columns, and rows that lack most of their cells. Raises MemoryError if memory is short.
    """
    with open_() as file:
        refuse_compressed(file.read(16))
    columns = _num_columns(open_, separator)
    counted = _Counts()
    for block in _blocks(open_):
        counted.add(block, separator.encode())
    counted.end()
    table = counted.rows * columns
    cells = counted.separators + max(0, counted.rows - counted.blank)
    if table > _MOST_GAPS * cells + _SMALL:
        reason = f"{counted.rows:,} lines contain {cells:,} cells, but the header names {columns:,} columns"
        raise ValueError(fault(open_, separator) or reason)
    size = counted.size + _CELL_BYTES * table + _COLUMN_BYTES * columns
    require_memory(size, "the table", copies=_COPIES, library=WORK_BYTES)


def _num_columns(open_: Open, separator: str) -> int:
    """Return the number of cells of the first line; raises ValueError above the limit."""
    with open_() as file:
        line = file.readline(LONGEST)
    if len(line) == LONGEST:
        raise ValueError(f"its first line has more than {LONGEST >> 20} MiB")
    if b"\0" in line:
        raise ValueError("its first line contains zero bytes: state its `encoding` (`utf-16-le`)")
    columns = line.count(separator.encode()) + 1
    if columns > MOST_COLUMNS:
        raise ValueError(f"its first line has {columns:,} cells, at most {MOST_COLUMNS:,} are read")
    return columns


def _blocks(open_: Open) -> Iterator[bytes]:
    with open_() as file:
        while block := file.read(_BLOCK):
            yield block


@dataclass
class _Counts:
    """Rows, separators and bytes so far; a line break between quotation marks is part of a cell."""

    size: int = 0
    rows: int = 0
    separators: int = 0
    blank: int = 0
    """Estimate of the number of blank lines, never too low."""
    _lines: int = 0
    _length: int = 0
    """Bytes since the end of the last row."""
    _start: int = 1
    """The line in which the row started."""
    _quoted: bool = False

    def add(self, block: bytes, separator: bytes) -> None:
        """Count a block; raises ValueError if a row is too long."""
        self.size += len(block)
        self.separators += block.count(separator)
        self.blank += 2 * block.count(b"\n\n")
        marks = block.count(b'"')
        if marks == 0 and not self._quoted:
            number, first, last = block.count(b"\n"), block.find(b"\n"), block.rfind(b"\n")
        elif marks == 0:
            number, first, last = 0, -1, -1
        else:
            number, first, last = self._rows_ended(block)
        if self._length + (len(block) if first < 0 else first) > LONGEST:
            raise ValueError(self._too_long())
        self._length = self._length + len(block) if last < 0 else len(block) - last - 1
        self.rows += number
        if last >= 0:
            self._start = 1 + self._lines + block.count(b"\n", 0, last + 1)
        self._lines += block.count(b"\n")
        self._quoted ^= marks % 2 == 1

    def _rows_ended(self, block: bytes) -> tuple[int, int, int]:
        """Return the number of rows that end in a block, and the positions of the first and last end; -1 if none."""
        data = np.frombuffer(block, np.uint8)
        ends = np.flatnonzero(data == ord("\n"))
        before = np.searchsorted(np.flatnonzero(data == ord('"')), ends)
        ends = ends[(before + self._quoted) % 2 == 0]
        return (len(ends), int(ends[0]), int(ends[-1])) if len(ends) else (0, -1, -1)

    def end(self) -> None:
        """Count the last row, which may lack a line break; raises ValueError if a quotation mark is open."""
        if self._quoted:
            raise ValueError(f"a quotation mark is not closed: the row from line {self._start} on never ends")
        self.rows += self._length > 0

    def _too_long(self) -> str:
        reason = f"line {self._start} has more than {LONGEST >> 20} MiB"
        return f"{reason}: a quotation mark in it is not closed" if self._quoted else reason
