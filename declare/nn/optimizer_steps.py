"""Steps of an optimizer on made-up parameters, with a save and a load between them."""

from collections.abc import Callable
from typing import Any

import torch

from declare.nn import state_tree

SHAPES = ((), (1,), (5,), (1, 1), (4, 3), (40, 24), (4, 3, 3), (4, 3, 3, 3), (1, 1, 1, 1), (4, 3, 2, 2, 2))
"""Parameters of every rank that modules have."""
_STEPS = 3


def step_and_resume(
    make: Callable[[list[dict[str, Any]]], torch.optim.Optimizer], lr: float, weight_decay: float
) -> None:
    """Take steps, save weights and state as a checkpoint does, load them, take more.

    `make` gives an optimizer of groups. Raises what it raises, and ValueError if a weight is not finite any more.
    """
    draws = torch.Generator().manual_seed(0)
    parameters = [torch.nn.Parameter(torch.randn(shape, generator=draws)) for shape in SHAPES]
    # Some rules compile themselves, which takes longer than all the others together.
    with torch.compiler.set_stance("force_eager"):
        optimizer = make(_groups(parameters, lr, weight_decay))
        _steps(optimizer, parameters, draws)
        tensors, skeleton = state_tree.encode(optimizer.state_dict(), copy=True)
        copies = [torch.nn.Parameter(item.detach().clone()) for item in parameters]
        resumed_optimizer = make(_groups(copies, lr, weight_decay))
        resumed_optimizer.load_state_dict(state_tree.decode(skeleton, tensors))
        _steps(resumed_optimizer, copies, draws)


def _groups(parameters: list[torch.nn.Parameter], lr: float, weight_decay: float) -> list[dict[str, Any]]:
    """Return matrices and the rest in separate groups, as a phase makes them."""
    matrices = [item for item in parameters if item.ndim > 1]
    rest = [item for item in parameters if item.ndim <= 1]
    return [
        {"params": matrices, "lr": lr, "weight_decay": weight_decay},
        {"params": rest, "lr": lr, "weight_decay": 0.0},
    ]


def _steps(
    optimizer: torch.optim.Optimizer, parameters: list[torch.nn.Parameter], draws: torch.Generator
) -> None:
    for step in range(_STEPS):
        for item in parameters:
            item.grad = torch.randn(item.shape, generator=draws)
        optimizer.step()
        if not all(bool(item.isfinite().all()) for item in parameters):
            raise ValueError(f"weights are not finite after step {step + 1}")
