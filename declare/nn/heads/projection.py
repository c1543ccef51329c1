"""Embeddings for comparison. Shapes: B batch, D features, E features of the embedding."""

import torch
from torch import Tensor, nn


class Projection(nn.Module):
    """Two layers from x[B, D] (several inputs are joined) to [B, E], with a norm and GELU between them."""

    def __init__(self, features: int, hidden: int, dim: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(features, hidden), nn.LayerNorm(hidden), nn.GELU(), nn.Linear(hidden, dim)
        )

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return the embedding [B, E]."""
        return self.layers(inputs[0] if len(inputs) == 1 else torch.cat(inputs, 1))
