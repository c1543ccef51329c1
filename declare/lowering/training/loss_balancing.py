"""The weights of a phase's losses, and the balance that makes one gradient of them."""

from collections.abc import Sequence

from declare.ir.plan import PhasePlan, Plan
from declare.nn.balances.balance import Balance
from declare.nn.distributed.process_group import ProcessGroup
from declare.parsing.read_component import read_component


def weighted_tasks(phase: PhasePlan) -> tuple[str, ...]:
    """Return the tasks that have a weight, in the order of their losses."""
    return tuple(name for name, weight in phase.tasks.items() if weight > 0)


def loss_weights(plan: Plan, phase: PhasePlan) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Return the names of all losses of a phase and their weights in its sum.

    The weight of a loss in its task times that of the task in the phase; then those of regularizers, and that of the
    consistency of scales. Names may repeat: two regularizers may be of one type.
    """
    weights: list[tuple[str, float]] = []
    for task in weighted_tasks(phase):
        losses = plan.tasks[task].losses
        for loss in losses:
            name = task if len(losses) == 1 else f"{task}/{loss.name}"
            weights.append((name, phase.tasks[task] * loss.weight))
    weights += [(f"regularizer/{block['type']}", float(block["weight"])) for block in phase.regularizers]
    if phase.scales is not None and phase.scales.consistency:
        weights.append(("consistency", float(phase.scales.consistency["weight"])))
    return tuple(name for name, _ in weights), tuple(weight for _, weight in weights)


def make_balance(
    phase: PhasePlan, names: Sequence[str], weights: Sequence[float], world: ProcessGroup
) -> Balance | None:
    """Return the balance of losses `TASK`, `TASK/LOSS` and others; None if their weighted sum is enough."""
    tasks = weighted_tasks(phase)
    component = read_component("balances", phase.balance)
    if len(tasks) < 2 or (component.is_plain_sum and not phase.gradients_every):
        return None
    index_of_task = {name: index for index, name in enumerate(tasks)}
    task_indices = [index_of_task.get(name.partition("/")[0], len(tasks)) for name in names]
    balance = component.build(task_indices, weights, len(tasks))
    balance.watch = phase.gradients_every
    balance.world = world
    return balance
