"""A gate in a vector of losses that passes the gradient of one loss at a time."""

from typing import Any

import torch
from torch import Tensor


class Gate:
    """Passes losses on; in the backward pass, lets through those that are open then.

    So one forward pass serves a backward pass for each task, whatever was made of the losses since.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self.row: int | None = None

    def __call__(self, losses: Tensor) -> Tensor:
        """Return the losses."""
        gated_losses: Tensor = _Passing.apply(losses, self)
        return gated_losses

    def open_row(self, row: int) -> None:
        """Open one row alone."""
        self.row = row

    def all(self) -> None:
        """Open every row."""
        self.row = None


class _Passing(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, losses: Tensor, gate: Gate) -> Tensor:
        ctx.gate = gate
        return losses.view_as(losses)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient,) = gradients
        row = ctx.gate.row
        if row is None:
            return gradient, None
        selected_gradient = torch.zeros_like(gradient)
        selected_gradient[row] = gradient[row]
        return selected_gradient, None
