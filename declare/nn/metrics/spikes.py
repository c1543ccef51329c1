"""How well rates explain counts. Shapes: B batch, N units."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from declare.nn.metrics.figure import Accumulator

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
        """Return the sums of a batch."""
        precision = torch.float32 if prediction.device.type == "mps" else torch.float64
        rate = prediction.to(precision).clamp_min(_TINY)
        mean = torch.tensor(self._means, dtype=precision, device=prediction.device).clamp_min(_TINY)
        known = ~target.isnan()
        count = torch.where(known, target, 0.0).to(precision)
        gain = count * (rate.log() - mean.log()) - (rate - mean)
        gained = torch.where(known, gain, 0.0).sum(0) / math.log(2)
        return torch.stack([gained, count.sum(0)])


def per_event(sums: Tensor) -> Tensor:
    """Return bits per event over all units together; NaN where there was none."""
    return sums[0].sum() / sums[1].sum()


def per_unit(sums: Tensor) -> Tensor:
    """Return bits per event of each unit, averaged over those that fired."""
    values = sums[0] / sums[1]
    return values[values.isfinite()].mean()
