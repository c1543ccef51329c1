"""How a phase's losses become one gradient; nothing where they are just added up."""

from collections.abc import Sequence

from declare.ir.plan import PhasePlan
from declare.nn.balances.balance import Balance
from declare.nn.distributed.process_group import ProcessGroup
from declare.reading.read_component import read_component


def make_balance(
    phase: PhasePlan, names: Sequence[str], shares: Sequence[float], world: ProcessGroup
) -> Balance | None:
    """Return the balance of losses `TASK`, `TASK/LOSS` and others; None where a plain sum is all there is to it."""
    tasks = weighted_tasks(phase)
    component = read_component("balances", phase.balance)
    if len(tasks) < 2 or (component.is_plain_sum and not phase.gradients_every):
        return None
    rank = {name: index for index, name in enumerate(tasks)}
    owners = [rank.get(name.partition("/")[0], len(tasks)) for name in names]
    balance = component.build(owners, shares, len(tasks))
    balance.watch = phase.gradients_every
    balance.world = world
    return balance


def weighted_tasks(phase: PhasePlan) -> list[str]:
    """Return the tasks that have a weight, in the order of their losses."""
    return [name for name, weight in phase.tasks.items() if weight > 0]
