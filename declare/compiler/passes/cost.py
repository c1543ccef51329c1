"""Cost: how much memory every phase takes."""

from __future__ import annotations

from collections.abc import Iterator

from declare.compiler.phases.machine_fit import (
    Limit,
    cache_shortage,
    computes_on_processor,
    machine_limits,
    shortage,
)
from declare.compiler.phases.memory import certain, decoded_bytes, estimate
from declare.compiler.state import State
from declare.contract.problem import Problem
from declare.ir.plan import PhasePlan
from declare.rules.byte_sizes import bytes_text
from declare.rules.queries.fields import input_fields, target_fields
from declare.rules.spec_parts import get


def run(state: State) -> Iterator[Problem]:
    """Fill in the memory that each process takes in the phases; yield those that do not fit into this machine."""
    yield from _cache_problems(state)
    for name, phase in state.phases.items():
        yield from _shortage(state, phase)
        memory = estimate(phase, state.nodes, state.tasks, state.shapes)
        if memory is None:
            state.note(f"phase `{name}`: memory unknown, sizes vary")
            continue
        if state.hardware is not None:
            memory = memory.of_each(state.hardware, phase, state.phases.values())
        state.phases[name] = phase.model_copy(update={"memory_bytes": memory.total})
        state.note(f"phase `{name}`: {bytes_text(memory.total)} ({memory})")


def _limits(state: State) -> list[Limit]:
    """Return the limits of this machine's main memory; who states more memory than it has means another one."""
    limits = list(machine_limits(state.hardware)) if state.hardware is not None else []
    stated = state.hardware.memory_limit_bytes if state.hardware is not None else None
    return [] if (stated or 0) > max((limit.size for limit in limits), default=0) else limits


def _cache_problems(state: State) -> Iterator[Problem]:
    """Yield that samples which are to be kept in memory take more than this machine has, whatever computes."""
    kept = {}
    for name, facts in state.facts.items():
        block = state.spec.datasets[name]
        if get(block, "cache") == "memory" and facts.splits:
            fields = input_fields(state.view, name) | target_fields(state.view, name)
            kept[name] = decoded_bytes(state.shapes.get(name, {}), fields, sum(facts.splits.values()))
    found = cache_shortage(kept, _limits(state)) if kept else None
    if found is not None:
        yield found


def _shortage(state: State, phase: PhasePlan) -> Iterator[Problem]:
    """Yield that a phase takes more memory than this machine has, where it would compute there."""
    hardware = state.hardware
    if hardware is None or not computes_on_processor(hardware):
        return
    limits = _limits(state)
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
