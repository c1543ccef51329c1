"""Which strategy a phase takes, and what the plan knows about it."""

from declare.contract.problem import ProblemError
from declare.ir.plan import PhasePlan, Plan
from declare.nn.distributed.process_group import ProcessGroup
from declare.parsing.read_component import read_component
from declare.rules.hardware.process_without_samples import lacking
from declare.rules.queries.strategy_limits import conflicts, uneven_batches
from declare.runtime.step.interfaces import Objective
from declare.runtime.step.strategies.all_ranks_or_none import AllRanksOrNone
from declare.runtime.step.strategies.all_reduce import AllReduce
from declare.runtime.step.strategies.ddp import Ddp
from declare.runtime.step.strategies.exact import Exact
from declare.runtime.step.strategies.fsdp import Fsdp
from declare.runtime.step.strategies.strategy import Strategy


def make_strategy(plan: Plan, phase: PhasePlan, objective: Objective, world: ProcessGroup) -> Strategy:
    """Return the way in which the processes of `world` share the steps of a phase."""
    exact = plan.hardware.determinism == "exact" and objective.balance is None
    if world.size == 1:
        return Exact(objective, world) if exact and phase.accumulate > 1 else Strategy(objective, world)
    strategy = _parallel_strategy(plan, phase, objective, world, exact=exact)
    return AllRanksOrNone(strategy) if phase.on_batch_error["action"] == "skip" else strategy


def _parallel_strategy(
    plan: Plan, phase: PhasePlan, objective: Objective, world: ProcessGroup, *, exact: bool
) -> Strategy:
    if problems := list(lacking(phase, world.size)):
        raise ProblemError(*problems)
    if uses_fsdp(plan, world):
        if problems := list(conflicts(plan.hardware, world.size, [phase])):
            raise ProblemError(*problems)
        return Fsdp(objective, world)
    if problems := list(uneven_batches(plan.hardware, world.size, [phase])):
        raise ProblemError(*problems)
    if exact:
        return Exact(objective, world)
    if objective.balance is not None:
        return AllReduce(objective, world)
    return Ddp(objective, world, static=is_static(plan, phase))


def uses_fsdp(plan: Plan, world: ProcessGroup) -> bool:
    """Return whether each process of `world` has only a shard of the model."""
    return plan.hardware.strategy == "fsdp" and world.size > 1


def random_skip_paths(plan: Plan) -> list[str]:
    """Return the paths of modules that leave parts of themselves out at random."""
    nodes = [node for node in plan.nodes if node.role != "head"]
    nodes = [node for node in nodes if read_component("modules", node.block).skips_at_random]
    return [
        path
        for node in nodes
        for path in ([f"{node.path}.{name}" for name in node.variants] if node.per_dataset else [node.path])
    ]


def is_static(plan: Plan, phase: PhasePlan) -> bool:
    """Whether every step of the phase is one backward pass over the same parameters, in every process.

    False if gradients of several micro-batches or scales are added up, if datasets take turns, or if a
    module skips parts of itself at random.
    """
    several = phase.accumulate > 1 or (phase.scales is not None and phase.scales.mode == "joint")
    return not (several or phase.alternate or random_skip_paths(plan))
