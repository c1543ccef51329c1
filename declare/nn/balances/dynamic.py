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
        owners: Sequence[int],
        shares: Sequence[float],
        num_tasks: int,
        course: tuple[int, float],
    ) -> None:
        super().__init__(owners, shares, num_tasks)
        self._every, self._temperature = course
        self._steps = 0
        for name, value in (("sums", 0.0), ("counts", 0.0), ("before", 0.0), ("weights", 1.0)):
            self.register_buffer(name, torch.full((num_tasks,), value))

    def factors(self) -> Tensor:
        """Return the weights of this window."""
        return self.weights

    def finish_step(self, parts: Tensor, scale: float, seed: int) -> Tensor | None:
        """Record the losses of a step; at the end of a window, compute new weights."""
        super().finish_step(parts, scale, seed)
        losses = self.task_losses(parts)[:-1].float()
        there = (losses != 0) & losses.isfinite().all()
        self.sums += torch.where(there, losses, torch.zeros_like(losses))
        self.counts += there.float()
        self._steps += 1
        if self._steps % self._every == 0:
            self._weigh()
        return None

    def _weigh(self) -> None:
        seen = self.counts > 0
        means = torch.where(seen, self.sums / self.counts.clamp_min(1), self.before)
        known = seen & (self.before > 0) & (means > 0)
        ones = torch.ones_like(means)
        ratios = torch.where(known, means / torch.where(known, self.before, ones), ones)
        # New tensors: the graph of this step may still hold the old weights.
        self.weights = self.num_tasks * torch.softmax(ratios / self._temperature, 0)
        self.before, self.sums, self.counts = means, torch.zeros_like(means), torch.zeros_like(means)

    def get_extra_state(self) -> dict[str, Any]:
        """Return how many steps it has seen."""
        return {"steps": self._steps}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take over how many steps it has seen."""
        self._steps = state["steps"]
