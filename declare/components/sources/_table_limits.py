"""What a text table may make of memory, found by counting bytes before any of it becomes cells."""

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
"""Of a cell in memory, an empty one too."""
_COPIES = 3
"""How often a table may stand in the address space while it is read: its bytes, its cells, a selection of these."""
_MOST_GAPS, _SMALL = 4, 10_000_000
"""Gaps for each cell that a table may have; a small one may have any number."""


def refuse_large(open_: Open, separator: str) -> None:
    """Raise ValueError for a text table that takes far more memory than its bytes.

    That are compressed files, lines of more than 16 MiB (cells in quotation marks go over several), quotation marks
    that are not closed, more than 100,000 columns, and rows that lack most of their cells. Raises MemoryError where
    there is no room for the table.
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
        reason = f"{counted.rows:,} lines hold {cells:,} cells, the header names {columns:,} columns"
        raise ValueError(fault(open_, separator) or reason)
    require_memory(counted.size + _CELL_BYTES * table, "the table", copies=_COPIES, library=WORK_BYTES)


def _num_columns(open_: Open, separator: str) -> int:
    """Return the number of cells of the first line; raises ValueError for more than any table has."""
    with open_() as file:
        line = file.readline(LONGEST)
    if len(line) == LONGEST:
        raise ValueError(f"its first line has more than {LONGEST >> 20} MiB")
    if b"\0" in line:
        raise ValueError("its first line holds zero bytes: state its `encoding` (`utf-16-le`)")
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
    """Rows, separators and bytes so far; a line end between quotation marks is part of a cell."""

    size: int = 0
    rows: int = 0
    separators: int = 0
    blank: int = 0
    """About how many lines are blank; never less than there are."""
    _lines: int = 0
    _length: int = 0
    """Bytes since the last row ended."""
    _start: int = 1
    """The line that the row started in."""
    _quoted: bool = False

    def add(self, block: bytes, separator: bytes) -> None:
        """Count a block; raises ValueError where a row grows too long."""
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
        """Return how many rows end in a block, where the first does and where the last; -1 where none does."""
        data = np.frombuffer(block, np.uint8)
        ends = np.flatnonzero(data == ord("\n"))
        before = np.searchsorted(np.flatnonzero(data == ord('"')), ends)
        ends = ends[(before + self._quoted) % 2 == 0]
        return (len(ends), int(ends[0]), int(ends[-1])) if len(ends) else (0, -1, -1)

    def end(self) -> None:
        """Count the last row, which may have no line end; raises ValueError where its quotation marks are open."""
        if self._quoted:
            raise ValueError(f"a quotation mark is not closed: the row from line {self._start} on never ends")
        self.rows += self._length > 0

    def _too_long(self) -> str:
        reason = f"line {self._start} has more than {LONGEST >> 20} MiB"
        return f"{reason}: a quotation mark in it is not closed" if self._quoted else reason
