"""JSON objects with unique keys, and their memory as Python objects."""

import json
from collections import Counter
from typing import Any

from declare.system.out_of_memory import require_memory

_BYTES = {"[": 64, "{": 250, '"': 29, ",": 32}
"""Bytes for each character: a list, an object, half a text, a number, with the reference to it."""
_PIECE = 8 << 20
_MOST_RATIO = 24
"""Maximum bytes per character: an empty list or object in a list."""
_DEEPEST = 32
"""Maximum levels of lists and objects in each other; NumPy has arrays of at most 64 axes."""


def parse(text: str) -> Any:
    """Return a JSON value; raises ValueError for a duplicate key in an object, and for more than 32 levels."""
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if text.count("[") + text.count("{") > _DEEPEST and _is_too_deep(value):
        raise ValueError(_TOO_DEEP)
    return value


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; raises ValueError for a duplicate key."""
    content = dict(pairs)
    if len(content) < len(pairs):
        name = next(name for name, number in Counter(name for name, _ in pairs).items() if number > 1)
        raise ValueError(f"the key `{name[:40]}` occurs twice in one object")
    return content


_DECODER = json.JSONDecoder(object_pairs_hook=_unique_keys)
_TOO_DEEP = f"its lists and objects have more than {_DEEPEST} levels"


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        children = (item.values() if isinstance(item, dict) else item for item in level)
        level = [item for items in children for item in items if isinstance(item, list | dict)]
        if not level:
            return False
    return True


class Room:
    """Raises MemoryError before JSON of `size` characters is parsed without memory for its objects."""

    def __init__(self, what: str, size: int) -> None:
        self._what = what
        self._piece = min(_PIECE, size)
        self._since = self._piece

    def require(self, text: str) -> None:
        """Check that there is memory for a text; for short ones, in advance for many."""
        if len(text) >= _PIECE:
            size = sum(number * text.count(sign) for sign, number in _BYTES.items())
            require_memory(len(text) + size, self._what)
            return
        self._since += len(text)
        if self._since >= self._piece:
            self._since = 0
            require_memory(2 * _MOST_RATIO * self._piece, self._what)
