"""Channels filled up. Shapes: B batch, C channels, N outputs, T time."""

from torch import Tensor, nn
from torch.nn import functional


class ChannelPad(nn.Module):
    """Adds channels of zeros to x[B, C, T] until there are `outputs`."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, x: Tensor, dataset: str | None = None) -> Tensor:
        """Return the outputs [B, N, T]."""
        return functional.pad(x.nan_to_num(), (0, 0, 0, self.outputs - x.shape[1]))
