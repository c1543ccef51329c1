"""Any channels to a fixed number. Shapes: B batch, C channels, N outputs, T time, D features, H heads, K = D / H."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from declare.nn.modules.by_dataset import ByDataset
from declare.nn.modules.padding import mean_over

_NUM_STATISTICS = 3


class ChannelPerceiver(nn.Module):
    """N learned queries attend to the channels of x[B, C, T]; output [B, N, T], the time course kept.

    The key of a channel is its identity, learned for each dataset, and what its signal looks like (spread, slope and
    their ratio), so that a bad channel is recognised. Attention is positive, so each head has a signed gain for each
    channel; every output is a spatial filter of unit length. `dataset` is that of the channels. Source:
    Jaegle et al. 2021, https://arxiv.org/abs/2103.03206.
    """

    def __init__(self, channels: Mapping[str, int], outputs: int, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.identity = ByDataset({name: torch.randn(count, dim) for name, count in channels.items()})
        self.content = nn.Linear(_NUM_STATISTICS, dim)
        nn.init.normal_(self.content.weight, std=0.02)
        self.key = nn.Linear(dim, dim)
        self.gain = nn.Linear(dim, heads)
        self.query = nn.Parameter(torch.randn(outputs, dim))
        self.mix = nn.Parameter(torch.randn(outputs, heads))
        self.scale = nn.Parameter(torch.ones(outputs, 1))

    def forward(self, x: Tensor, dataset: str | None = None, lengths: Tensor | None = None) -> Tensor:
        """Return the outputs; channel statistics are computed from the first `lengths` [B] steps of each sample."""
        channels_BCD = self.identity.of(dataset) + self.content(_channel_statistics(x, lengths))
        key_BHKC = self.key(channels_BCD).unflatten(-1, (self.heads, -1)).permute(0, 2, 3, 1)
        query_HNK = self.query.unflatten(-1, (self.heads, -1)).transpose(0, 1)
        attention_BHNC = (
            query_HNK.expand(len(x), -1, -1, -1) @ key_BHKC * key_BHKC.shape[2] ** -0.5
        ).softmax(-1)
        gain_BHC = self.gain(channels_BCD).transpose(1, 2)
        weights_BHNC = attention_BHNC * gain_BHC.unsqueeze(2) * self.mix.t()[None, :, :, None]
        filters_BNC = functional.normalize(weights_BHNC.sum(1), dim=-1) * self.scale
        return filters_BNC @ x.nan_to_num()


def _channel_statistics(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Return log spread, log slope and their difference of every channel [B, C, 3]."""
    signal = x.detach().nan_to_num().float()
    steps = signal.diff(dim=-1) if signal.shape[-1] > 1 else signal
    if lengths is None:
        means = signal.square().mean(-1), steps.square().mean(-1)
    else:
        spread_BC = mean_over(signal.square(), lengths)
        slope_BC = mean_over(steps.square(), (lengths - 1).clamp_min(1))
        # A sample of one step has no slope: its spread stands for it, as where all have one step.
        means = spread_BC, torch.where((lengths > 1).unsqueeze(1), slope_BC, spread_BC)
    spread, slope = (mean.clamp_min(1e-8).log() for mean in means)
    return torch.stack([spread, slope, slope - spread], -1).to(x.dtype)
