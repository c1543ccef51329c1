"""The likelihood of counts. Shapes: B batch, N units."""

from collections.abc import Sequence

import torch
from torch import Tensor

from declare.nn.losses.shapes import require_same
from declare.nn.losses.summed_loss import SummedLoss
from declare.nn.tasks.counts import log_rates, offsets, rates


class PoissonNLL(SummedLoss):
    """Sum over valid counts of rate - count * log(rate), in nats, with their number.

    Takes scores [B, N] of a head and counts [B, N], NaN where missing. The logarithm of count! is left out: it does
    not depend on the rate.
    """

    offset: Tensor

    def __init__(self, means: Sequence[float], link: str) -> None:
        super().__init__()
        self.register_buffer("offset", offsets(means, link).float(), persistent=False)
        self._link = link

    def forward(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return (sum, weight), scalars."""
        require_same(output, target)
        valid = ~target.isnan()
        rate = rates(output, self.offset, self._link)
        cost = rate - torch.where(valid, target, 0.0) * log_rates(output, self.offset, self._link)
        return torch.where(valid, cost, 0.0).sum(), self.count(target)

    def count(self, target: Tensor) -> Tensor:
        """Return the number of counts that are not NaN, a scalar."""
        return (~target.isnan()).sum()
