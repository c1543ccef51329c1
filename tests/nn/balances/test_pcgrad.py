"""Gradient surgery, compared with projections of the gradients themselves."""

import torch
from torch import Tensor

from declare.nn.balances.pcgrad import PCGrad

GRADIENTS = torch.tensor([[1.0, 0.0, 0.2], [-1.0, 1.0, 0.0], [0.1, -1.0, -0.5]])


def projected(orders: list[list[int]]) -> Tensor:
    """Return the sum of the gradients, each projected off those that it conflicts with, in its order."""
    total = torch.zeros(3)
    for task, order in enumerate(orders):
        mine = GRADIENTS[task].clone()
        for other in order:
            product = mine @ GRADIENTS[other]
            if other != task and product < 0:
                mine -= product / GRADIENTS[other].square().sum() * GRADIENTS[other]
        total += mine
    return total


def test_tasks_are_projected_in_a_random_order_of_each_step() -> None:
    """The seed of the step draws the order of each task; steps differ, and none favours a task."""
    balance, found = PCGrad([0, 1, 2], [1.0] * 3, 3), set()
    for seed in range(12):
        draws = torch.Generator().manual_seed(seed)
        orders = [torch.randperm(3, generator=draws).tolist() for _ in range(3)]
        total = balance.task_factors(GRADIENTS @ GRADIENTS.T, seed) @ GRADIENTS
        torch.testing.assert_close(total, projected(orders))
        found.add(tuple(total.tolist()))
    assert len(found) > 3
