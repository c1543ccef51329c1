"""Lint: advice on what is legal; all of it stands in rules of this stage."""

from __future__ import annotations

from collections.abc import Iterator

from declare.compiler.state import State
from declare.contract.problem import Problem


def run(state: State) -> Iterator[Problem]:
    """Yield nothing of its own: the rules of stage `lint` run after it."""
    state.note("rules only")
    yield from ()
