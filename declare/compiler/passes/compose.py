"""Compose: bases, variables and `--set` gave one tree; say what was wrong with them."""

from __future__ import annotations

from collections.abc import Iterator

from declare.compiler.state import State
from declare.diagnostics.diagnostic import Diagnostic


def run(state: State) -> Iterator[Diagnostic]:
    """Yield the findings of composition."""
    if state.document.root is None:
        state.skip("")
    else:
        state.note(f"{sum(1 for _ in state.document.walk())} values")
    yield from state.composed
