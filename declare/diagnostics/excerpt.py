"""A line of source on a terminal: the width of each character, and the part that fits."""

from dataclasses import dataclass
from itertools import accumulate

from declare.diagnostics.output import escape

_TAB = "    "
_CUT = "..."


@dataclass(frozen=True)
class Excerpt:
    """The visible part of a line, and the terminal column at which each of its code points starts.

    `cells` has one more entry than the line has code points; it never points outside of `text`.
    """

    text: str
    cells: list[int]

    def underline(self, start: int, end: int) -> tuple[int, int]:
        """Return the cell and the width (at least 1) of an underline from code point `start` to `end`."""
        last = len(self.cells) - 1
        left, right = self.cells[min(start, last)], self.cells[min(end, last)]
        return left, max(right - left, 1)


def excerpt(line: str, start: int, end: int, width: int) -> Excerpt:
    """Return what fits into `width` cells of a line, with code points `start` to `end` in view."""
    if line.isascii() and line.isprintable():
        shown, widths = list(line), [1] * len(line)
    else:
        shown = [_TAB if char == "\t" else escape(char) for char in line]
        widths = [_cell_width(text) for text in shown]
    cells = [0, *accumulate(widths)]
    if cells[-1] <= width:
        return Excerpt("".join(shown), cells)
    first, last = _window(cells, start, end, width - 2 * len(_CUT))
    left = _CUT if first else ""
    right = _CUT if last < len(line) else ""
    offset = len(left) - cells[first]
    edge = cells[last] + offset
    moved = [min(max(cell + offset, len(left)), edge) for cell in cells]
    return Excerpt(left + "".join(shown[first:last]) + right, moved)


def _window(cells: list[int], start: int, end: int, width: int) -> tuple[int, int]:
    """Return the code points to show: those of the span, and as many around it as fit."""
    count = len(cells) - 1
    first, last = min(start, count), min(start, count)
    while last < min(end, count) and cells[last + 1] - cells[first] <= width:
        last += 1
    while True:
        room_left = first > 0 and cells[last] - cells[first - 1] <= width
        room_right = last < count and cells[last + 1] - cells[first] <= width
        before = cells[min(start, count)] - cells[first]
        after = cells[last] - cells[min(max(end, start), count)]
        if room_left and (before <= 2 * max(after, 0) or not room_right):
            first -= 1
        elif room_right:
            last += 1
        else:
            return first, last


def _cell_width(text: str) -> int:
    """Return how many terminal cells a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
