"""Learned variances of the tasks' losses."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from declare.nn.balances.balance import Balance

_BOUND = 10.0


class Uncertainty(Balance):
    """Sum of exp(-s) L + s / 2 over losses L [tasks], s = log variance of a task, 0 at first, kept within 10 of 0.

    A task without a valid target in a step (its loss is exactly 0) leaves its s alone. Source: Kendall et al. 2018,
    https://arxiv.org/abs/1705.07115, equation 10.
    """

    def __init__(
        self, task_indices: Sequence[int], loss_weights: Sequence[float], num_tasks: int, lr: float | None
    ) -> None:
        super().__init__(task_indices, loss_weights, num_tasks)
        self.lr = lr
        self.log_variances = nn.Parameter(torch.zeros(num_tasks))

    def factors(self) -> Tensor:
        """Return exp(-s) [num_tasks]."""
        return torch.exp(-self.log_variances)

    def finish_step(self, terms: Tensor, scale: float, seed: int) -> Tensor | None:
        """Return half the sum of s, a scalar."""
        super().finish_step(terms, scale, seed)
        with torch.no_grad():
            self.log_variances.clamp_(-_BOUND, _BOUND)
            has_targets = (self.task_losses(terms)[:-1] != 0).to(self.log_variances.dtype)
        return (self.log_variances * has_targets).sum() / 2
