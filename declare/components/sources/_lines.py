"""Diagnoses the lines of a text table that could not be read."""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np

LONGEST = 16 << 20
"""Maximum bytes of a line, and of a quoted cell."""
_BLOCK = 4 << 20
Open = Callable[[], BinaryIO]
"""Opens the content of a table as UTF-8."""


def header(open_: Open, separator: str) -> list[str]:
    """Return the cells of the first line."""
    return next(_rows(open_, separator), (0, []))[1]


def twice(names: list[str]) -> str | None:
    """Return a name that occurs twice."""
    return next((name for name, number in Counter(names).items() if number > 1 and name.strip()), None)


def fault(open_: Open, separator: str) -> str | None:
    """Return the problem of the first line that is not UTF-8 or has another number of cells, if any."""
    quoted, width, uneven, above = False, 0, None, 0
    for lines in _blocks_of_lines(open_):
        try:
            lines.decode("utf-8")
        except UnicodeDecodeError as error:
            number = above + lines.count(b"\n", 0, error.start) + 1
            return (
                f"line {number} is not UTF-8 (byte {lines[error.start]:#04x}): state its `encoding` "
                "(`windows-1252` in western Europe), or save the file as UTF-8"
            )
        quoted = quoted or b'"' in lines
        if not quoted and uneven is None:
            width, uneven = _uneven(np.frombuffer(lines, np.uint8), ord(separator), width, above)
        above += lines.count(b"\n")
    return _uneven_quoted(open_, separator) if quoted else uneven


def unescaped_quote(open_: Open, separator: str) -> str | None:
    r"""Return the problem of the first quoted cell that contains a single quotation mark, if any.

    A program that writes `\"` for it (Spark, MySQL) does not mean what a parser reads. Quotation marks in a cell
    that does not start with one are text.
    """
    is_edge = np.zeros(256, bool)
    is_edge[list(f'"{separator}\r\n'.encode())] = True
    above, num_marks, in_quoted_cell = 0, 0, False
    for lines in _blocks_of_lines(open_):
        data = np.frombuffer(b"\n" + lines.removeprefix(codecs.BOM_UTF8) + b"\n", np.uint8)
        marks = np.flatnonzero(data == ord('"'))
        opens = (np.arange(len(marks)) + num_marks) % 2 == 0
        starts_cell = np.concatenate([[in_quoted_cell], is_edge[data[marks - 1]] & opens])
        wrong = marks[~opens & starts_cell[:-1] & ~is_edge[data[marks + 1]]]
        if len(wrong):
            line = above + int((data[1 : wrong[0]] == ord("\n")).sum()) + 1
            return (
                f"line {line} has a quoted cell with a single quotation mark in it: write each as two "
                '(`"5"" pipe"`), not as `\\"`'
            )
        above, num_marks, in_quoted_cell = (
            above + lines.count(b"\n"),
            num_marks + len(marks),
            bool(starts_cell[-1]),
        )
    return None


def _blocks_of_lines(open_: Open) -> Iterator[bytes]:
    """Yield the content in blocks that end where a line does."""
    with open_() as file:
        while block := file.read(_BLOCK):
            yield block if block.endswith(b"\n") else block + file.readline(LONGEST)


def _uneven(data: np.ndarray, separator: int, width: int, above: int) -> tuple[int, str | None]:
    """Compare the number of separators per line; `above` lines precede, the header has `width` cells.

    Returns the number of cells of the header, and the problem.
    """
    ends = np.flatnonzero(data == ord("\n"))
    if data[-1] != ord("\n"):
        ends = np.append(ends, len(data))
    marks = np.searchsorted(np.flatnonzero(data == separator), ends)
    cells = np.diff(marks, prepend=0) + 1
    width = width or int(cells[0])
    lengths = np.diff(ends, prepend=-1) - 1
    blank = (lengths == 0) | ((lengths == 1) & (data[np.maximum(ends - 1, 0)] == ord("\r")))
    wrong = np.flatnonzero((cells != width) & ~blank)
    if not len(wrong):
        return width, None
    return width, _cell_count_text(above + int(wrong[0]) + 1, int(cells[wrong[0]]), width)


def _uneven_quoted(open_: Open, separator: str) -> str | None:
    """Compare the number of cells per line if some are quoted."""
    width = 0
    try:
        for number, cells in _rows(open_, separator):
            width = width or len(cells)
            if cells and len(cells) != width:
                return _cell_count_text(number, len(cells), width)
    except csv.Error as error:
        return f"{error}"
    return None


def _cell_count_text(number: int, num_cells: int, width: int) -> str:
    return f"line {number} has {num_cells} cell{'s' if num_cells != 1 else ''}, but the header has {width}"


def _rows(open_: Open, separator: str) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(LONGEST)
    with io.TextIOWrapper(open_(), encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=separator, strict=True)
        for cells in reader:
            yield reader.line_num, cells
