"""Pixels to zero mean and unit variance."""

from typing import Any

import torch
from torch import Tensor, nn


class Normalize(nn.Module):
    """(x / 255 - mean) / std for uint8, (x - mean) / std for floats. Input x[B, C, ...], output float32.

    Args:
        mean: one for each channel, on the scale 0..1.
        std: one for each channel, positive.
        num_axes: axes of a sample, channels included.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, mean: list[float], std: list[float], *, num_axes: int) -> None:
        super().__init__()
        form = (-1, *([1] * (num_axes - 1)))
        scale = 1 / torch.tensor(std, dtype=torch.float32).view(form)
        shift = -torch.tensor(mean, dtype=torch.float32).view(form) * scale
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("shift", shift, persistent=False)

    def forward(self, values: Tensor, keys: Any = None) -> Tensor:
        """Return the batch [B, ...] on the new scale; `keys` is not needed."""
        scale = self.scale / 255 if values.dtype == torch.uint8 else self.scale
        return torch.addcmul(self.shift, values.to(torch.float32), scale)
