"""Schema: the tree becomes strict blocks, with holes where a value failed."""

from __future__ import annotations

from collections.abc import Iterator

from declare.compiler.state import State
from declare.contract.poison import POISON
from declare.contract.problem import Problem
from declare.language.check import check


def run(state: State) -> Iterator[Problem]:
    """Read the spec; yield every key and value that is wrong."""
    state.spec, problems = check(state.document, state.trust)
    if state.spec is POISON:
        state.skip("")
    else:
        state.note(", ".join(f"{count} {section}" for section, count in _sizes(state)))
    yield from problems


def _sizes(state: State) -> Iterator[tuple[str, int]]:
    for section in ("datasets", "model", "tasks", "phases"):
        found = getattr(state.spec, section)
        if found is not POISON:
            yield section, len(found)
