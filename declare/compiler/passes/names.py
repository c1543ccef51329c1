"""Names: what refers to what, as far as the spec alone can tell."""

from __future__ import annotations

from collections.abc import Iterator

from declare.compiler.names.fields import clashes, field_references, stated_fields
from declare.compiler.names.inputs import input_references
from declare.compiler.names.references import references
from declare.compiler.names.unsupported import not_yet
from declare.compiler.state import State
from declare.contract.problem import Problem
from declare.reading.poison import POISON


def run(state: State) -> Iterator[Problem]:
    """Yield unknown, clashing and circular names, and what this version cannot do yet."""
    for section in ("datasets", "model", "tasks", "phases"):
        if getattr(state.spec, section) is POISON:
            state.skip(section)
    yield from references(state.view)
    known = stated_fields(state)
    yield from field_references(state, known)
    yield from clashes(state, known)
    yield from input_references(state, known)
    yield from not_yet(state.spec)
