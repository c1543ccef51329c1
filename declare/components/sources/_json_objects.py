"""JSON objects in which every key stands once, and what they take as objects of Python."""

from typing import Any

from declare.system.out_of_memory import require_memory

_BYTES = {"[": 64, "{": 250, '"': 29, ",": 32}
"""What each sign stands for: a list, an object, half a text, a number, each with the reference to it."""
_PIECE = 8 << 20
_MOST_RATIO = 24
"""Bytes that a letter may take: that of an empty list or object in a list."""


def without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object (`object_pairs_hook` of `json`); raises ValueError for a key that stands twice."""
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        name = next(name for place, name in enumerate(names) if name in names[:place])
        raise ValueError(f"the key `{name[:40]}` stands twice in one object")
    return content


class Room:
    """Raises MemoryError before JSON of `size` letters becomes objects without room for them, by pieces."""

    def __init__(self, what: str, size: int) -> None:
        self._what = what
        self._piece = min(_PIECE, size)
        self._since = self._piece

    def require(self, text: str) -> None:
        """Ask for room for a text, for short ones ahead of many."""
        if len(text) >= _PIECE:
            size = sum(number * text.count(sign) for sign, number in _BYTES.items())
            require_memory(len(text) + size, self._what)
            return
        self._since += len(text)
        if self._since >= self._piece:
            self._since = 0
            require_memory(2 * _MOST_RATIO * self._piece, self._what)
