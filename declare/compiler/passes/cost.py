"""Cost: how much memory every phase takes, and how much of the disk its checkpoints do."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from declare.compiler.phases.disk_fit import disk_shortage
from declare.compiler.phases.machine_fit import (
    Limit,
    cache_shortage,
    computes_on_processor,
    machine_limits,
    memory_problem,
)
from declare.compiler.phases.memory import certain, decoded_bytes, estimate
from declare.compiler.reports import Note, Reports
from declare.compiler.stages import HostedSpec
from declare.contract.problem import Problem
from declare.ir.plan import PhasePlan
from declare.rules.byte_sizes import bytes_text
from declare.rules.queries.fields import input_fields, target_fields
from declare.rules.spec_parts import get
from declare.system.memory_limits import free_bytes


def run(stage: HostedSpec) -> Reports[HostedSpec]:
    """Return the spec with the memory that its phases take; yield those that do not fit into this machine."""
    yield from _cache_problems(stage)
    phases = dict(stage.phases)
    for name, phase in stage.phases.items():
        yield from _memory_problem(stage, phase)
        memory = estimate(phase, stage.nodes, stage.tasks, stage.shapes)
        if memory is None:
            yield Note(f"phase `{name}`: memory unknown, sizes vary")
            continue
        if stage.hardware is not None:
            memory = memory.per_process(stage.hardware, phase, stage.phases.values())
        phases[name] = phase.model_copy(update={"memory_bytes": memory.total})
        yield Note(f"phase `{name}`: {bytes_text(memory.total)} ({memory})")
    if stage.nodes and phases and len(phases) == len(get(stage.spec, "phases") or ()):
        problem = disk_shortage(phases, stage.nodes, free_bytes(Path("runs")))
        yield from () if problem is None else (problem,)
    return replace(stage, phases=phases)


def _limits(stage: HostedSpec) -> list[Limit]:
    """Return the limits of this machine's main memory; who states more memory than it has means another one."""
    limits = list(machine_limits(stage.hardware)) if stage.hardware is not None else []
    stated = stage.hardware.memory_limit_bytes if stage.hardware is not None else None
    return [] if (stated or 0) > max((limit.size for limit in limits), default=0) else limits


def _cache_problems(stage: HostedSpec) -> Iterator[Problem]:
    """Yield a problem if samples to be kept in memory need more than this machine has."""
    kept = {}
    for name, facts in stage.facts.items():
        block = stage.spec.datasets[name]
        if get(block, "cache") == "memory" and facts.splits:
            fields = input_fields(stage.view, name) | target_fields(stage.view, name)
            kept[name] = decoded_bytes(stage.shapes.get(name, {}), fields, sum(facts.splits.values()))
    problem = cache_shortage(kept, _limits(stage)) if kept else None
    if problem is not None:
        yield problem


def _memory_problem(stage: HostedSpec, phase: PhasePlan) -> Iterator[Problem]:
    """Yield a problem if a phase needs more memory than this machine has, if it would compute there."""
    hardware = stage.hardware
    if hardware is None or not computes_on_processor(hardware):
        return
    limits = _limits(stage)
    known = (phase, stage.nodes, stage.tasks, stage.shapes)
    least, expected = certain(*known), estimate(*known)
    together = stage.phases.values()
    problem = memory_problem(
        phase,
        least.per_process(hardware, phase, together),
        expected and expected.per_process(hardware, phase, together),
        limits,
    )
    if problem is not None:
        yield problem
