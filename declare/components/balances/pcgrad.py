"""`pcgrad`: gradient surgery."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from declare.contract.kinds.balance import Balance

if TYPE_CHECKING:
    from declare.nn.balances import balance


class PCGrad(Balance):
    """Takes out of each task's gradient what contradicts another's, on the parameters that they share.

    One backward pass for each task, and memory for their gradients. Source: Yu et al. 2020,
    https://arxiv.org/abs/2001.06782.

    ```yaml
    phases:
      fit: {epochs: 5, batch_size: 64, optimizer: {type: adamw, lr: 1e-3}, balance: pcgrad}
    ```
    """

    each_alone: ClassVar[bool] = True

    def build(self, owners: Sequence[int], shares: Sequence[float], num_tasks: int) -> balance.Balance:
        """Return the way the losses become one."""
        from declare.nn.balances import pcgrad

        return pcgrad.PCGrad(owners, shares, num_tasks)
