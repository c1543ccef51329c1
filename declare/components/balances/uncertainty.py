"""`uncertainty`: learned variances of the tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field as Param

from declare.contract.kinds.balance import Balance

if TYPE_CHECKING:
    from declare.nn.balances import balance


class Uncertainty(Balance):
    """Learns a log variance s for each task: the loss is the sum of exp(-s) L + s / 2 over tasks.

    L includes the weights of the spec. Weight decay is not applied to s; checkpoints store it. It needs
    losses that are never negative: a negative loss would raise its weight without limit, here up to exp(10).
    Source: Kendall et al. 2018, https://arxiv.org/abs/1705.07115.

    ```yaml
    phases:
      fit: {epochs: 5, batch_size: 64, optimizer: {type: adamw, lr: 1e-3}, balance: uncertainty}
    ```
    """

    lr: float | None = Param(
        None, gt=0, le=1e3, description="learning rate of the log variances; default: the optimizer's"
    )

    def build(
        self, task_indices: Sequence[int], loss_weights: Sequence[float], num_tasks: int
    ) -> balance.Balance:
        """Return the balance with its learned parameters."""
        from declare.nn.balances import uncertainty

        return uncertainty.Uncertainty(task_indices, loss_weights, num_tasks, self.lr)
