"""`uncertainty`: learned variances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field as Param

from declare.contract.kinds.balance import Balance

if TYPE_CHECKING:
    from declare.nn.balances import balance


class Uncertainty(Balance):
    """Learns a log variance s for each task with the model: the loss is the sum of exp(-s) L + s / 2.

    The weights of the spec stand inside L. Weight decay leaves s alone; checkpoints hold it. For losses that are
    never negative: one that falls below 0 would draw its weight up without end, here to exp(10) at most. Source:
    Kendall et al. 2018, https://arxiv.org/abs/1705.07115.

    ```yaml
    phases:
      fit: {epochs: 5, batch_size: 64, optimizer: {type: adamw, lr: 1e-3}, balance: uncertainty}
    ```
    """

    lr: float | None = Param(
        None, gt=0, le=1e3, description="rate of the log variances; default: the optimizer's"
    )

    def build(self, owners: Sequence[int], shares: Sequence[float], num_tasks: int) -> balance.Balance:
        """Return the way the losses become one."""
        from declare.nn.balances import uncertainty

        return uncertainty.Uncertainty(owners, shares, num_tasks, self.lr)
