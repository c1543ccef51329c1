"""A linear map of channels for each dataset. Shapes: B batch, C channels, N outputs, T time."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from declare.nn.modules.by_dataset import ByDataset


class ChannelProject(nn.Module):
    """Maps x[B, C, T] to [B, N, T] by weights that each dataset has for itself."""

    def __init__(self, channels: Mapping[str, int], outputs: int) -> None:
        super().__init__()
        self.weight = ByDataset(
            {name: torch.randn(outputs, count) * count**-0.5 for name, count in channels.items()}
        )
        self.bias = nn.Parameter(torch.zeros(outputs, 1))

    def forward(self, x: Tensor, dataset: str | None = None) -> Tensor:
        """Return the outputs [B, N, T]."""
        return self.weight.of(dataset) @ x.nan_to_num() + self.bias
