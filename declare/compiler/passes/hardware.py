"""Hardware: what the spec asks of the machine; `auto` stays until a run starts on a real one."""

from declare.compiler.reports import Reports, Skip
from declare.compiler.stages import HostedSpec, PhasedSpec
from declare.ir.plan import HardwarePlan
from declare.parsing.poison import contains_poison
from declare.rules.byte_sizes import read_bytes


def run(stage: PhasedSpec) -> Reports[HostedSpec]:
    """Return the spec with the machine's part of the plan."""
    stated = stage.spec.hardware
    if contains_poison(stated):
        yield Skip("hardware")
        return HostedSpec(**vars(stage))
    hardware = HardwarePlan(
        accelerator=stated.accelerator,
        devices=stated.devices,
        nodes=stated.nodes,
        strategy=stated.strategy,
        compile=stated.compile,
        workers=stated.workers,
        memory_limit_bytes=None if stated.memory_limit is None else read_bytes(stated.memory_limit),
        determinism=stated.determinism,
    )
    return HostedSpec(**vars(stage), hardware=hardware)
