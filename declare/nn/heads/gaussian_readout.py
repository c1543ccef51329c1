"""A readout that learns where each unit looks. Shapes: B batch, C features, H height, W width, N units."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class GaussianReadout(nn.Module):
    """Each unit reads the features at its own place, with its own weights.

    Input x[B, C, H, W], or [B, C, T, H, W] whose frames count as further features. Output [B, N], no nonlinearity.

    Places are in units of half the map, (-1, -1) the middle of the first pixel, and are read by bilinear
    interpolation. In training each sample reads at mean + spread @ z with z standard normal, so that gradients
    reach beyond neighbouring pixels; in evaluation at the mean.
    """

    def __init__(self, features: int, units: int, *, spread: float = 0.3, within: float = 0.3) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.empty(units, 2).uniform_(-within, within))
        self.spread = nn.Parameter(spread * torch.eye(2).repeat(units, 1, 1))
        self.weight = nn.Parameter(torch.randn(units, features) * (0.25 / features**0.5))
        self.bias = nn.Parameter(torch.zeros(units))

    def forward(self, x: Tensor) -> Tensor:
        """Return what each unit reads [B, N]."""
        x_BCHW = x.flatten(1, 2) if x.dim() == 5 else x
        read_BCN = functional.grid_sample(
            x_BCHW.float(),
            self.places(len(x)).unsqueeze(2),
            mode="bilinear",
            padding_mode="border",
            align_corners=True,
        ).squeeze(3)
        return (read_BCN * self.weight.t()).sum(1) + self.bias

    def places(self, batch: int) -> Tensor:
        """Return where each unit looks [B, N, 2] as (x, y)."""
        mean_BN2 = self.mean.clamp(-1, 1).expand(batch, -1, -1)
        if not self.training:
            return mean_BN2
        noise_BN2 = torch.randn_like(mean_BN2)
        return (mean_BN2 + torch.einsum("nij,bnj->bni", self.spread, noise_BN2)).clamp(-1, 1)
