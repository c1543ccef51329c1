"""JSON objects in which every key stands once."""

from __future__ import annotations

from typing import Any


def without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object (`object_pairs_hook` of `json`); raises ValueError for a key that stands twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        name = next(name for place, name in enumerate(names) if name in names[:place])
        raise ValueError(f"the key `{name[:40]}` stands twice in one object")
    return found
