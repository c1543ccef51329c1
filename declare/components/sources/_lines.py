"""What is wrong with the lines of a text table, found only where something is."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np

_LONGEST = 16 << 20
Open = Callable[[], BinaryIO]
"""Opens the content of a table as UTF-8."""


def header(open_: Open, separator: str) -> list[str]:
    """Return the cells of the first line."""
    return next(_rows(open_, separator), (0, []))[1]


def twice(names: list[str]) -> str | None:
    """Return a name that stands twice."""
    return next((name for place, name in enumerate(names) if name.strip() and name in names[:place]), None)


def fault(open_: Open, separator: str) -> str | None:
    """Return what is wrong with the first line that is not UTF-8 or has another number of cells, if any is."""
    with open_() as file:
        data = file.read()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        return (
            f"line {number} is not UTF-8 (byte {data[error.start]:#04x}): state its `encoding` "
            "(`windows-1252` in western Europe), or save the file as UTF-8"
        )
    if b'"' not in data:
        return _uneven(np.frombuffer(data, np.uint8), ord(separator))
    width = 0
    try:
        for number, cells in _rows(open_, separator):
            width = width or len(cells)
            if cells and len(cells) != width:
                return _said(number, len(cells), width)
    except csv.Error as error:
        return f"{error}"
    return None


def _uneven(data: np.ndarray, separator: int) -> str | None:
    """Compare the numbers of separators between line ends."""
    ends = np.flatnonzero(data == ord("\n"))
    if not len(data) or data[-1] != ord("\n"):
        ends = np.append(ends, len(data))
    marks = np.searchsorted(np.flatnonzero(data == separator), ends)
    cells = np.diff(marks, prepend=0) + 1
    lengths = np.diff(ends, prepend=-1) - 1
    blank = (lengths == 0) | ((lengths == 1) & (data[np.maximum(ends - 1, 0)] == ord("\r")))
    wrong = np.flatnonzero((cells != cells[0]) & ~blank)
    return _said(int(wrong[0]) + 1, int(cells[wrong[0]]), int(cells[0])) if len(wrong) else None


def _said(number: int, found: int, width: int) -> str:
    return f"line {number} has {found} cell{'s' if found != 1 else ''}, the header has {width}"


def _rows(open_: Open, separator: str) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(_LONGEST)
    with io.TextIOWrapper(open_(), encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=separator, strict=True)
        for cells in reader:
            yield reader.line_num, cells
