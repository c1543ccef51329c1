"""Hardware: what the spec asks of the machine; `auto` stays until a run starts on a real one."""

from __future__ import annotations

from collections.abc import Iterator

from declare.compiler.state import State
from declare.contract.problem import Problem
from declare.ir.plan import HardwarePlan
from declare.reading.poison import contains_poison
from declare.rules.byte_sizes import read_bytes


def run(state: State) -> Iterator[Problem]:
    """Fill in the machine's part of the plan."""
    stated = state.spec.hardware
    if contains_poison(stated):
        state.skip("hardware")
        return
    state.hardware = HardwarePlan(
        accelerator=stated.accelerator,
        devices=stated.devices,
        nodes=stated.nodes,
        strategy=stated.strategy,
        compile=stated.compile,
        workers=stated.workers,
        memory_limit_bytes=None if stated.memory_limit is None else read_bytes(stated.memory_limit),
        determinism=stated.determinism,
    )
    yield from ()
