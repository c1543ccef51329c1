"""The state of the phase that a run is in: what a checkpoint inside the phase holds, and what is due in it."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from declare.contract.problem import ProblemError
from declare.ir.plan import PhasePlan, Plan
from declare.runtime.errors import out_of_memory_problem
from declare.runtime.machine.memory_budget import MemoryBudget
from declare.runtime.profiling.step_timer import Meter
from declare.runtime.setup.auto import AutoSettings, Record
from declare.runtime.setup.phase import PhaseSetup, assemble
from declare.runtime.step.interfaces import RunBuilder
from declare.runtime.step.loss_buffer import LossBuffer, log_interval
from declare.system.out_of_memory import is_shortage


@dataclass
class PhaseState:
    """What belongs to the phase that is being trained."""

    phase: PhasePlan
    setup: PhaseSetup
    losses: LossBuffer
    meter: Meter
    memory: MemoryBudget
    is_baseline_reported: bool = False
    """Whether the metrics of the trivial baselines were emitted: they do not change."""

    def stateful(self) -> dict[str, Any]:
        """Return what a checkpoint inside the phase holds beyond the state of the run, by its name there."""
        config = self.setup.config
        return {
            "model": config.graph,
            "optimizer": config.optimizer,
            "rate": config.lr,
            "window": self.losses,
            "average": config.ema,
            "balance": config.objective.balance,
            "scaler": config.precision.scaler,
            "statistics": config.statistics,
        }

    def next_due(self, step: int) -> int:
        """Return the next step after `step` at which something of the phase is due: a pure function of the step."""
        phase = self.phase
        cadences = (log_interval(phase.steps), phase.evaluate_every, phase.checkpoint_every)
        steps = [step - step % interval + interval for interval in cadences if interval > 0]
        changes = (self.setup.freezer.next_change(step), self.meter.next_step(step))
        return min(*steps, *(change for change in changes if change is not None), phase.steps)


def make_phase_state(
    plan: Plan,
    phase: PhasePlan,
    builder: RunBuilder,
    *,
    at_step: int,
    trainable: Collection[str],
    auto: tuple[AutoSettings, Record],
) -> PhaseState:
    """Make what a phase trains with, as it is before its step `at_step`.

    Raises `ProblemError` (RES810) if a batch that is tried on the way does not fit into memory.
    """
    memory = MemoryBudget(plan, phase, builder.device, builder.world.size)
    try:
        setup = assemble(plan, builder, phase, trainable_names=trainable, auto=auto, at_step=at_step)
    except Exception as error:
        if not is_shortage(error):
            raise
        raise ProblemError(out_of_memory_problem(phase, at_step, error, memory)) from error
    losses = LossBuffer(setup.config.objective.names, builder.world, setup.loader.describe_samples)
    return PhaseState(phase, setup, losses, Meter(setup.step.timer, builder.device, phase.steps), memory)
