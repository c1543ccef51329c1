"""Going on after a syntax error: the broken top-level block is blanked, the others are still read."""

from __future__ import annotations

import re

_KEY = re.compile(r"^(?:\"[^\"\n]*\"|'[^'\n]*'|[A-Za-z_][^\n:#]*?)[ ]*:", re.MULTILINE)


def block_at(text: str, offset: int) -> tuple[int, int] | None:
    """Return start and end of the top-level block that holds `offset`, None where there are no blocks.

    A top-level block starts at a key in the first column and goes on to the next one. An offset past
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
    """Return the stray text before the first key, where keys follow at all."""
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
