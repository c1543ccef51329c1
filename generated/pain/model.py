"""The model of `pain`."""

import torch
from torch import Tensor, nn


class Encoder(nn.Sequential):
    """Linear layers, each followed by norm, activation and dropout (the last one too)."""

    def __init__(self) -> None:
        super().__init__(
            nn.Linear(6, 512), nn.ReLU(), nn.Dropout(0.2), nn.Linear(512, 256), nn.ReLU(), nn.Dropout(0.2)
        )

    def forward(self, x: Tensor) -> Tensor:
        features = torch.cat([x], -1)
        return super().forward(features)


class PainLevel(nn.Sequential):
    """Linear layers with activation and dropout between them; the last one is shaped as the target."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 4))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(torch.cat([x], -1))


class Stimulus(nn.Linear):
    """A linear layer whose output is shaped as the target."""

    def __init__(self) -> None:
        super().__init__(256, 4)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(torch.cat([x], -1))


class Model(nn.Module):
    """The model of `pain`."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7946862923975751782)
        self.encoder = Encoder()
        self.heads = nn.ModuleDict()
        torch.manual_seed(349648881686859047)
        self.heads["pain_level"] = PainLevel()
        torch.manual_seed(1371955489249899482)
        self.heads["stimulus"] = Stimulus()

    def forward(self, syracuse: dict[str, Tensor], biovid: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the output of the head of each task [B, ...]."""
        rows = torch.cat([syracuse["features"], biovid["features"]])
        encoder = self.encoder(rows)
        parts = encoder.split([len(syracuse["features"]), len(biovid["features"])])
        pain_level = self.heads["pain_level"](parts[0])
        stimulus = self.heads["stimulus"](parts[1])
        return {"pain_level": pain_level, "stimulus": stimulus}

    def syracuse_outputs(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the output of the head of each task [B, ...]."""
        encoder = self.encoder(batch["features"])
        pain_level = self.heads["pain_level"](encoder)
        return {"pain_level": pain_level}

    def biovid_outputs(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the output of the head of each task [B, ...]."""
        encoder = self.encoder(batch["features"])
        stimulus = self.heads["stimulus"](encoder)
        return {"stimulus": stimulus}
