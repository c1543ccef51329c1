"""Links: fields take their shapes through the transforms, tasks take their targets from the data."""

from __future__ import annotations

from collections.abc import Iterator

from declare.compiler.graph.field_shapes import field_shapes
from declare.compiler.graph.targets import targets
from declare.compiler.state import State
from declare.contract.problem import Problem


def run(state: State) -> Iterator[Problem]:
    """Yield transforms that do not fit, and targets that no head could be made for."""
    yield from field_shapes(state)
    yield from targets(state)
    for task, target in state.targets.items():
        state.note(f"task `{task}` needs {target.output}")
