"""`pcgrad`: gradient surgery."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from declare.contract.kinds.balance import Balance

if TYPE_CHECKING:
    from declare.nn.balances import balance


class PCGrad(Balance):
    """Projects each task's gradient so that it does not conflict with another's, on shared parameters.

    Needs one backward pass for each task, and memory for the gradients of all tasks. Source: Yu et al. 2020,
    https://arxiv.org/abs/2001.06782.

    ```yaml
    phases:
      fit: {epochs: 5, batch_size: 64, optimizer: {type: adamw, lr: 1e-3}, balance: pcgrad}
    ```
    """

    needs_per_task_gradients: ClassVar[bool] = True

    def build(
        self, task_indices: Sequence[int], loss_weights: Sequence[float], num_tasks: int
    ) -> balance.Balance:
        """Return the balance that projects the gradients."""
        from declare.nn.balances import pcgrad

        return pcgrad.PCGrad(task_indices, loss_weights, num_tasks)
