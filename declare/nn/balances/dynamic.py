"""Weights by how fast the tasks' losses fall."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from declare.nn.balances.balance import Balance


class Dynamic(Balance):
    """Weights [tasks] are tasks * softmax(r / temperature), r the mean loss of a window over that of the one before.

    Windows are `every` steps; in the first two all weights are 1. Steps in which a task has no valid target count
    nowhere. Source: Liu et al. 2019, https://arxiv.org/abs/1803.10704.
    """

    sums: Tensor
    counts: Tensor
    before: Tensor
    weights: Tensor

    def __init__(
        self,
        task_indices: Sequence[int],
        loss_weights: Sequence[float],
        num_tasks: int,
        *,
        every: int,
        temperature: float,
    ) -> None:
        super().__init__(task_indices, loss_weights, num_tasks)
        self._every, self._temperature = every, temperature
        self._steps = 0
        for name, value in (("sums", 0.0), ("counts", 0.0), ("before", 0.0), ("weights", 1.0)):
            self.register_buffer(name, torch.full((num_tasks,), value))

    def factors(self) -> Tensor:
        """Return the weights [num_tasks] of this window."""
        return self.weights

    def finish_step(self, terms: Tensor, scale: float, seed: int) -> Tensor | None:
        """Record the losses [L] of a step; at the end of a window, compute new weights."""
        super().finish_step(terms, scale, seed)
        losses = self.task_losses(terms)[:-1].float()
        has_targets = (losses != 0) & losses.isfinite().all()
        self.sums += torch.where(has_targets, losses, torch.zeros_like(losses))
        self.counts += has_targets.float()
        self._steps += 1
        if self._steps % self._every == 0:
            self._update_weights()
        return None

    def _update_weights(self) -> None:
        """Set the weights of the next window from the mean losses of this one and of the one before."""
        has_losses = self.counts > 0
        means = torch.where(has_losses, self.sums / self.counts.clamp_min(1), self.before)
        is_comparable = has_losses & (self.before > 0) & (means > 0)
        ones = torch.ones_like(means)
        ratios = torch.where(is_comparable, means / torch.where(is_comparable, self.before, ones), ones)
        # New tensors: the graph of this step may still hold the old weights.
        self.weights = self.num_tasks * torch.softmax(ratios / self._temperature, 0)
        self.before, self.sums, self.counts = means, torch.zeros_like(means), torch.zeros_like(means)

    def get_extra_state(self) -> dict[str, Any]:
        """Return how many steps it has seen."""
        return {"steps": self._steps}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take over how many steps it has seen."""
        self._steps = state["steps"]
