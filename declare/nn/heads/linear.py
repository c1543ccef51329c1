"""One linear layer to the target. Shapes: B batch, T time, I input features."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn


class Linear(nn.Linear):
    """A linear layer whose output is shaped as the target.

    Inputs [B, I_k] or [B] (joined), or [B, T, I_k] alike. Output [B, *output], or [B, T, output] for
    sequences. Neither softmax nor sigmoid is applied.
    """

    def __init__(self, features: int, output: Sequence[int]) -> None:
        super().__init__(features, prod(output))
        self.output = tuple(output)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Join the inputs and map them to the target's shape."""
        joined = torch.cat([value.unsqueeze(-1) if value.dim() == 1 else value for value in inputs], -1)
        result = super().forward(joined)
        return result if len(self.output) == 1 else result.reshape(*result.shape[:-1], *self.output)
