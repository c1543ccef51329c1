"""How well rates explain counts. Shapes: B batch, N units."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from declare.nn.metrics.metric import Accumulator
from declare.nn.precision import to_double

_TINY = 1e-8


class Likelihoods(Accumulator):
    """Sums [2, N] for each unit: the gain in log likelihood over its mean rate, in bits, and its events.

    Takes rates and counts [B, N], NaN where a count is missing.
    """

    by_unit = True

    def __init__(self, means: Sequence[float]) -> None:
        super().__init__()
        self.key = ("likelihoods", tuple(means))
        self._means = tuple(means)

    def sums(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the sums [2, N] of a batch."""
        rate, target = to_double(prediction).clamp_min(_TINY), to_double(target)
        mean = torch.tensor(self._means, dtype=torch.float64, device=rate.device).clamp_min(_TINY)
        valid = ~target.isnan()
        count = torch.where(valid, target, 0.0)
        gain = count * (rate.log() - mean.log()) - (rate - mean)
        bits = torch.where(valid, gain, 0.0).sum(0) / math.log(2)
        return torch.stack([bits, count.sum(0)])


def per_event(sums: Tensor) -> Tensor:
    """Return bits per event over all units together, from sums [2, N]; NaN if there was none."""
    events = sums[1].sum()
    return (sums[0].sum() / events).where(events > 0, torch.nan)


def per_unit(sums: Tensor) -> Tensor:
    """Return bits per event of each unit, averaged over those that fired, from sums [2, N]."""
    values = sums[0] / sums[1]
    return values[values.isfinite()].mean()
