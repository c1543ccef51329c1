"""Parse: the text of the spec and of its bases becomes a tree in which every value knows its place."""

from __future__ import annotations

from collections.abc import Iterator

from declare.compiler.state import State
from declare.diagnostics.diagnostic import Diagnostic
from declare.language.repair import load_repaired


def run(state: State) -> Iterator[Diagnostic]:
    """Load the document; yield what is wrong with its text.

    Bases are found while the text is read, so composition happens here too; the next pass reports on it.
    """
    state.document, found = load_repaired(str(state.path), state.sets, state.environ)
    state.note(f"{len(state.document.sources)} sources")
    state.composed = [item for item in found if not item.code.startswith("SYN")]
    if state.document.root is None:
        state.skip("")
    yield from (item for item in found if item.code.startswith("SYN"))
