"""A readout by a mask over places and weights over features. Shapes: B batch, C features, P places, N units."""

import torch
from torch import Tensor, nn


class FactorizedReadout(nn.Module):
    """Each unit weighs places by a mask and features by weights: output = sum over c, p of w[c] m[p] x[c, p].

    Input x[B, C, H, W], or [B, C, T, H, W] whose frames count as further features. Output [B, N], no nonlinearity.
    """

    def __init__(self, features: int, height: int, width: int, units: int) -> None:
        super().__init__()
        places = height * width
        self.mask = nn.Parameter(torch.randn(units, places) * 0.01 + 1 / places)
        self.weight = nn.Parameter(torch.randn(units, features) * (0.25 / features**0.5))
        self.bias = nn.Parameter(torch.zeros(units))

    def forward(self, x: Tensor) -> Tensor:
        """Return what each unit reads [B, N]."""
        x_BCHW = x.flatten(1, 2) if x.dim() == 5 else x
        read_BCN = x_BCHW.flatten(2).float() @ self.mask.t()
        return (read_BCN * self.weight.t()).sum(1) + self.bias
