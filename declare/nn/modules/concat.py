"""Joining tensors along their features. Shapes: B batch, F features (or channels), any further axes."""

import torch
from torch import Tensor, nn


class Concat(nn.Module):
    """Joins inputs along one axis; those without it (numbers [B]) count as one feature.

    Inputs [B, ..., F_k, ...], alike but for axis `dim`. Output [B, ..., sum of F_k, ...].
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, *inputs: Tensor) -> Tensor:
        """Join the inputs to [B, ..., F, ...]."""
        return torch.cat([value.unsqueeze(-1) if value.dim() == 1 else value for value in inputs], self.dim)
