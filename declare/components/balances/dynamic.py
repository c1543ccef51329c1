"""`dynamic`: weights by how fast each task's loss falls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field as Param

from declare.contract.duration import Duration
from declare.contract.kinds.balance import Balance

if TYPE_CHECKING:
    from declare.nn.balances import balance


class Dynamic(Balance):
    """Gives more weight to tasks whose loss falls slowly; the weights sum to the number of tasks.

    The weight is a softmax over tasks of r / temperature, where r is the mean loss of a window divided by
    that of the window before. It multiplies the weights of the spec. Source: Liu et al. 2019,
    https://arxiv.org/abs/1803.10704.

    ```yaml
    phases:
      fit:
        epochs: 5
        batch_size: 64
        optimizer: {type: adamw, lr: 1e-3}
        balance: {type: dynamic, every: 1 epochs, temperature: 2}
    ```
    """

    every: Duration = Param(
        Duration(1.0, "epochs"), description="length of a window over which losses are averaged"
    )
    temperature: float = Param(
        2.0,
        ge=1e-3,
        le=1e6,
        description="temperature of the softmax; higher values make the weights more equal",
    )

    def resolve(self, total_steps: int, steps_per_epoch: int) -> Balance:
        """Return the balance with `every` in steps."""
        steps = max(1, self.every.steps(total_steps, steps_per_epoch))
        return self.model_copy(update={"every": Duration(float(steps), "steps")})

    def build(
        self, task_indices: Sequence[int], loss_weights: Sequence[float], num_tasks: int
    ) -> balance.Balance:
        """Return the balance that weights the losses."""
        from declare.nn.balances import dynamic

        every = max(1, self.every.steps(1, 1))
        return dynamic.Dynamic(
            task_indices, loss_weights, num_tasks, every=every, temperature=self.temperature
        )
