"""The examples of components' pages, as blocks."""

from __future__ import annotations

from functools import cache
from typing import Any

from tests.components import conformance


@cache
def _example(kind: str, name: str) -> dict[str, Any]:
    if not conformance.shows_example(kind, name):
        return {"type": name}
    try:
        return conformance.example(kind, name)
    except AssertionError:  # pages of a library's components share one
        return {"type": name}


def example(kind: str, name: str) -> dict[str, Any]:
    """Return the block of the example on a component's page; the bare one where it shows none."""
    return dict(_example(kind, name))
