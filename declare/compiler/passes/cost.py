"""Cost: how much memory every phase takes."""

from __future__ import annotations

from collections.abc import Iterator

from declare.compiler.memory import estimate
from declare.compiler.state import State
from declare.contract.problem import Problem
from declare.rules.sizes import shown


def run(state: State) -> Iterator[Problem]:
    """Fill in the memory that each process takes in the phases."""
    for name, phase in state.phases.items():
        memory = estimate(phase, state.nodes, state.tasks, state.shapes)
        if memory is None:
            state.note(f"phase `{name}`: memory unknown, sizes vary")
            continue
        if state.hardware is not None:
            memory = memory.of_each(state.hardware, phase, state.phases.values())
        state.phases[name] = phase.model_copy(update={"memory_bytes": memory.total})
        state.note(f"phase `{name}`: {shown(memory.total)} ({memory})")
    yield from ()
