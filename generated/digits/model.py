"""The model of `digits`."""

import torch
from torch import Tensor, nn


class Encoder(nn.Module):
    """Stages of convolution, norm, activation and dropout; the map is halved between stages."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.Sequential(
            nn.Sequential(nn.Conv2d(1, 32, 3, 1, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU()),
            nn.Sequential(
                nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, 1, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU()
            ),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x: Tensor) -> Tensor:
        features_BCHW = self.stages(x)
        return self.pool(features_BCHW).flatten(1)


class Digit(nn.Linear):
    """A linear layer whose output is shaped as the target."""

    def __init__(self) -> None:
        super().__init__(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(torch.cat([x], -1))


class Model(nn.Module):
    """The model of `digits`."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7946862923975751782)
        self.encoder = Encoder()
        self.heads = nn.ModuleDict()
        torch.manual_seed(8079178745059071270)
        self.heads["digit"] = Digit()

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the output of the head of each task [B, ...]."""
        pixels = batch["image"].to(torch.float32).mul_(1 / 255)
        encoder = self.encoder(pixels)
        digit = self.heads["digit"](encoder)
        return {"digit": digit}
