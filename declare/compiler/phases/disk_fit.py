"""Whether the disk is large enough for the checkpoints of a run, according to the plan."""

from collections.abc import Mapping

from declare.compiler.phases.memory import optimizer_states
from declare.contract.problem import Problem
from declare.ir.checkpoint_files import max_checkpoints
from declare.ir.plan import ModulePlan, PhasePlan
from declare.rules.byte_sizes import bytes_text


def disk_shortage(
    phases: Mapping[str, PhasePlan], nodes: Mapping[str, ModulePlan], free: int
) -> Problem | None:
    """Return the problem (RES824) that `free` bytes probably do not suffice for the checkpoints of a run, or None.

    Weights, what optimizers keep and, with an average, raw weights and its own are numbers of 4 bytes.
    """
    parameters = sum(node.total_parameters for node in nodes.values())
    states = max(optimizer_states(phase) for phase in phases.values())
    size = 4 * parameters * (1 + states + 2 * any(phase.ema for phase in phases.values()))
    # While the next one is written there is one more than is kept.
    count = max_checkpoints(list(phases.values())) + 1
    if size * count <= free:
        return None
    most = max(phases.values(), key=lambda phase: phase.keep_checkpoints)
    return Problem(
        "RES824",
        f"checkpoints take about {bytes_text(size * count)}, the disk of this folder has {bytes_text(free)} free",
        at=f"phases.{most.name}.checkpoint.keep" if most.keep_checkpoints > 1 else f"phases.{most.name}",
        label="may not fit",
        notes=(f"{count:,} at once of about {bytes_text(size)} each",),
        helps=(
            "keep fewer checkpoints: `checkpoint: {keep: 1}`",
            "free some space, or train elsewhere with `--run-dir`",
        ),
    )
