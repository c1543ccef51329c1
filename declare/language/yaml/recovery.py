"""Going on after a syntax error: the smallest block that holds it is blanked, all else is still read."""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

_ANCHOR = re.compile(r"(?:^|(?<=[\s,\[{]))&([\w-]+)")
_CLOSED = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*'|(?:^|(?<=\s))#[^\n]*", re.MULTILINE)
_LINE = re.compile(r"^(?P<pad>[ ]*(?:-[ ]+)*)(?P<first>[^\s#])", re.MULTILINE)
_INNER_KEY = re.compile(r"(?:\"[^\"\n]*\"|'[^'\n]*'|[A-Za-z_][^\n:#\[\]{}\"',]*?)[ ]*:(?=\s|$)")
_KEY = re.compile(r"^(?:\"[^\"\n]*\"|'[^'\n]*'|[A-Za-z_][^\n:#]*?)[ ]*:", re.MULTILINE)


def block_at(text: str, offset: int) -> tuple[int, int] | None:
    """Return start and end of the top-level block that contains `offset`; None if there are no blocks.

    A top-level block starts at a key in the first column and continues to the next one. An offset past
    the last text counts to the last block. JSON has no such blocks.
    """
    if text.lstrip().startswith(("{", "[")):
        return None
    starts = [match.start() for match in _KEY.finditer(text)]
    line_end = text.find("\n", offset)
    reach = len(text) if line_end < 0 else line_end
    before = [start for start in starts if start <= reach]
    if not before:
        return _first_line(text, offset, starts)
    start = before[-1]
    after = [later for later in starts if later > start]
    return start, after[0] if after else len(text)


def _first_line(text: str, offset: int, starts: list[int]) -> tuple[int, int] | None:
    """Return the stray text before the first key, if keys follow at all."""
    if not starts or not text[: starts[0]].strip() or offset > starts[0]:
        return None
    return 0, starts[0]


def blank(text: str, start: int, end: int) -> str:
    """Return the text with spaces in place of a block, so that all offsets and lines stay."""
    return text[:start] + re.sub(r"[^\r\n]", " ", text[start:end]) + text[end:]


def key_of(text: str, start: int) -> tuple[str, int, int] | None:
    """Return the key that a block starts with, and its offsets."""
    match = _KEY.match(text, start)
    if match is None:
        return None
    written = match[0][:-1].rstrip()
    return written.strip("\"'"), start, start + len(written)


class _Inner(NamedTuple):
    """A block inside of a top-level one: where its key and its value start, where it ends, its column."""

    start: int
    value: int
    end: int
    column: int


def inner_blocks(text: str, start: int, end: int, offset: int) -> list[_Inner]:
    """Return the nested blocks with a key on their own line around `offset`, in the top-level one at `start`.

    The outer ones come first. Keys inside of brackets that an outer block leaves open start no block.
    """
    line_end = text.find("\n", offset)
    reach = end if line_end < 0 else line_end
    nested: list[_Inner] = []
    for line in _LINE.finditer(text, text.find("\n", start, end) + 1 or end, end):
        column = len(line["pad"].partition("-")[0])
        in_list = "-" in line["pad"] or line["first"] == "-"
        if line.start() > reach:
            nested = [_closed_at(block, line.start(), column, in_list=in_list) for block in nested]
            continue
        nested = [block for block in nested if _holds(block, column, in_list=in_list)]
        key = _INNER_KEY.match(text, line.start("first"), end)
        if key is not None and not _in_brackets(text[nested[-1].value if nested else start : key.start()]):
            nested.append(_Inner(key.start(), key.end(), end, len(line["pad"])))
    return nested


def _holds(block: _Inner, column: int, *, in_list: bool) -> bool:
    """Return whether a line belongs to a block that started above it; items of a list may be below its key."""
    return column > block.column or (in_list and column == block.column)


def _closed_at(block: _Inner, start: int, column: int, *, in_list: bool) -> _Inner:
    """Return a block that ends at a line at the latest."""
    if block.end <= start or _holds(block, column, in_list=in_list):
        return block
    return block._replace(end=start)


def _in_brackets(text: str) -> bool:
    """Return whether a bracket of a text is left open."""
    bare = _CLOSED.sub("", text)
    return sum(map(bare.count, "[{")) > sum(map(bare.count, "]}"))


@dataclass
class Omissions:
    """What was left out of a text: whole top-level blocks, and the values of keys inside of others."""

    top: list[tuple[str, int, int]] = field(default_factory=list)
    """The key of each top-level block, with its offsets."""
    keys: dict[int, int] = field(default_factory=dict)
    """Where a key starts whose value is gone, and where that ended."""
    anchors: set[str] = field(default_factory=set)
    """Names of values that were left out."""
    complete: bool = True
    """Whether each part that is gone has a name."""

    def holds(self, offset: int) -> bool:
        """Return whether a place is in a part that was removed already, so that its error is not new."""
        return any(start <= offset < end for start, end in self.keys.items())

    def leave_out(self, text: str, offset: int) -> str:
        """Return the text without the smallest block at a place; empty if there is none."""
        block = block_at(text, offset)
        if block is None:
            return ""
        for inner in reversed(inner_blocks(text, *block, offset)):
            if inner.start not in self.keys:
                self.keys[inner.start] = inner.end
                return self._blank(text, inner.value, inner.end)
        key = key_of(text, block[0])
        self.complete = self.complete and key is not None
        self.top += [key] if key else []
        return self._blank(text, *block)

    def _blank(self, text: str, start: int, end: int) -> str:
        self.anchors.update(_ANCHOR.findall(text[start:end]))
        return blank(text, start, end)
