"""Balances: how the losses of several tasks become one gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from declare.contract.component import Component

if TYPE_CHECKING:
    from declare.nn.balances import balance


class Balance(Component):
    """How the losses of several tasks become one gradient."""

    default: ClassVar[str] = "fixed"
    """The type if a phase states none."""
    is_plain_sum: ClassVar[bool] = False
    """Whether it leaves the sum of weighted losses as it is."""
    needs_per_task_gradients: ClassVar[bool] = False
    """Whether every step needs the gradients of the tasks one by one."""

    def resolve(self, total_steps: int, steps_per_epoch: int) -> Balance:
        """Return the balance with its durations in steps of a phase of `total_steps`."""
        return self

    def build(
        self, task_indices: Sequence[int], loss_weights: Sequence[float], num_tasks: int
    ) -> balance.Balance:
        """Return the object that combines the losses: the task and the weight of each loss are given."""
        from declare.nn.balances.balance import Balance as Sum

        return Sum(task_indices, loss_weights, num_tasks)
