"""Titles that fit one line, whatever the spec contains."""

import re

LIMIT = 80
_SHORTEST = 16
_GAP = "..."
_QUOTED = re.compile(r"`[^`]*`")
_LIST = re.compile(r", (expected|which|not|but) [^`]*(`[^`]*`[^`]*)*$")


def fit(title: str) -> str:
    """Return a title of at most 80 characters.

    Long quoted values lose their middle first, then what was expected goes (the help has it too), and only
    then is the title cut.
    """
    if len(title) <= LIMIT:
        return title
    line = _squeeze(" ".join(title.split()))
    if len(line) > LIMIT:
        line = _LIST.sub("", line)
    return line if len(line) <= LIMIT else line[: LIMIT - len(_GAP)].rstrip() + _GAP


def _squeeze(line: str) -> str:
    """Shorten the longest quoted value, then the next, until the line fits or all are short."""
    for _ in range(line.count("`") // 2):
        over = len(line) - LIMIT
        longest = max(_QUOTED.finditer(line), key=lambda match: len(match[0]), default=None)
        if over <= 0 or longest is None or len(longest[0]) <= _SHORTEST + 2:
            break
        room = max(len(longest[0]) - over, _SHORTEST + 2) - 2
        line = line[: longest.start()] + f"`{_middle_out(longest[0][1:-1], room)}`" + line[longest.end() :]
    return line


def _middle_out(text: str, room: int) -> str:
    """Return a text of at most `room` characters: its head and its tail, by which names differ."""
    tail = (room - len(_GAP)) // 2
    return text[: room - len(_GAP) - tail] + _GAP + text[len(text) - tail :]
