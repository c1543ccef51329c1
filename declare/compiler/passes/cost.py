"""Cost: how much memory every phase takes."""

from __future__ import annotations

from collections.abc import Iterator

from declare.compiler.machine_fit import computes_on_processor, machine_limits, shortage
from declare.compiler.memory import certain, estimate
from declare.compiler.state import State
from declare.contract.problem import Problem
from declare.ir.plan import PhasePlan
from declare.rules.sizes import shown


def run(state: State) -> Iterator[Problem]:
    """Fill in the memory that each process takes in the phases; yield those that do not fit into this machine."""
    for name, phase in state.phases.items():
        yield from _shortage(state, phase)
        memory = estimate(phase, state.nodes, state.tasks, state.shapes)
        if memory is None:
            state.note(f"phase `{name}`: memory unknown, sizes vary")
            continue
        if state.hardware is not None:
            memory = memory.of_each(state.hardware, phase, state.phases.values())
        state.phases[name] = phase.model_copy(update={"memory_bytes": memory.total})
        state.note(f"phase `{name}`: {shown(memory.total)} ({memory})")


def _shortage(state: State, phase: PhasePlan) -> Iterator[Problem]:
    """Yield that a phase takes more memory than this machine has, where it would compute there.

    Who states more memory than this machine has means another one.
    """
    hardware = state.hardware
    if hardware is None or not computes_on_processor(hardware):
        return
    limits = list(machine_limits(hardware))
    if (hardware.memory_limit_bytes or 0) > max((limit.size for limit in limits), default=0):
        return
    known = (phase, state.nodes, state.tasks, state.shapes)
    least, expected = certain(*known), estimate(*known)
    together = state.phases.values()
    found = shortage(
        phase,
        least.of_each(hardware, phase, together),
        expected and expected.of_each(hardware, phase, together),
        limits,
    )
    if found is not None:
        yield found
