"""Gradient surgery: what contradicts another task's gradient is taken out."""

import torch
from torch import Tensor

from declare.nn.balances.balance import Balance

_TINY = 1e-30


class PCGrad(Balance):
    """Projects each task's gradient onto the normal plane of every other that it conflicts with, in random order.

    On parameters that at least two tasks reach; the projected gradients are added up. Everything follows from the
    inner products of the gradients, so that no projected gradient is ever held. Source: Yu et al. 2020,
    https://arxiv.org/abs/2001.06782, algorithm 1.
    """

    needs_per_task_gradients = True

    def task_factors(self, products: Tensor, seed: int) -> Tensor:
        """Return the factor [tasks] of each task's gradient after all projections, from products [tasks, tasks]."""
        count = len(products)
        generator = torch.Generator().manual_seed(seed)
        total = torch.zeros(count, dtype=products.dtype, device=products.device)
        for task in range(count):
            mixture = torch.zeros_like(total)
            mixture[task] = 1
            for other_task in torch.randperm(count, generator=generator).tolist():
                if other_task != task:
                    conflict = (mixture @ products[:, other_task]).clamp_max(0)
                    mixture[other_task] -= conflict / products[other_task, other_task].clamp_min(_TINY)
            total += mixture
        return total
