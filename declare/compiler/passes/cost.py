"""Cost: how much memory every phase takes, and how much of the disk its checkpoints do."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from declare.compiler.phases.disk_fit import disk_shortage
from declare.compiler.phases.machine_fit import (
    cache_shortage,
    computes_on_processor,
    limits_for,
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


def _cache_problems(stage: HostedSpec) -> Iterator[Problem]:
    """Yield a problem if samples to be kept in memory need more than this machine has."""
    kept = {}
    for name, facts in stage.facts.items():
        block = stage.spec.datasets[name]
        if get(block, "cache") == "memory" and facts.splits:
            fields = input_fields(stage.view, name) | target_fields(stage.view, name)
            kept[name] = decoded_bytes(stage.shapes.get(name, {}), fields, sum(facts.splits.values()))
    limits = limits_for(stage.hardware) if stage.hardware is not None else []
    problem = cache_shortage(kept, limits) if kept else None
    if problem is not None:
        yield problem


def _memory_problem(stage: HostedSpec, phase: PhasePlan) -> Iterator[Problem]:
    """Yield a problem if a phase needs more memory than this machine has, if it would compute there."""
    hardware = stage.hardware
    if hardware is None or not computes_on_processor(hardware):
        return
    known = (phase, stage.nodes, stage.tasks, stage.shapes)
    least, expected = certain(*known), estimate(*known)
    together = stage.phases.values()
    problem = memory_problem(
        phase,
        least.per_process(hardware, phase, together),
        expected and expected.per_process(hardware, phase, together),
        limits_for(hardware),
        hardware.processes or 1,
    )
    if problem is not None:
        yield problem
