"""Binary cross entropy of independent labels. Shapes: B batch, L labels."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from declare.nn.losses.shapes import require_same
from declare.nn.losses.summed_loss import SummedLoss
from declare.nn.precision import at_least_single

_TINY = 1e-12


class BinaryCrossEntropy(SummedLoss):
    """Sum of the binary cross entropy over the labels that are not NaN, with their number.

    Takes logits [B, L] (the sigmoid is applied here) and labels [B, L] in [0, 1] (mixed targets too).
    `pos_weight` multiplies the part of the positive labels. With `gamma` it is the focal loss (Lin et al.
    2017): each label counts (1 - p)^gamma times, where p is the probability given to the truth.
    """

    pos_weight: Tensor | None

    def __init__(
        self, *, pos_weight: Sequence[float] | None = None, gamma: float = 0.0, may_miss: bool = True
    ) -> None:
        super().__init__()
        weights = None if pos_weight is None else torch.tensor(pos_weight, dtype=torch.float32)
        self.register_buffer("pos_weight", weights, persistent=False)
        self._gamma = gamma
        self._may_miss = may_miss

    def forward(self, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor | int]:
        """Return (sum, weight), scalars."""
        require_same(logits, target)
        logits = at_least_single(logits)
        weight = self.count(target)
        is_labelled = None
        if self._may_miss:
            is_labelled = (~target.isnan()).to(torch.float32)
            target = target.nan_to_num(0.0)
        total = functional.binary_cross_entropy_with_logits(
            logits,
            target,
            is_labelled,
            reduction="none" if self._gamma else "sum",
            pos_weight=self.pos_weight,
        )
        if self._gamma:
            # Of an exponent below 1 the slope at 0 has no bound: a label that is surely right would give NaN.
            total = (total * (target - logits.sigmoid()).abs().clamp_min(_TINY) ** self._gamma).sum()
        return total, weight

    def count(self, target: Tensor) -> Tensor | int:
        """Return the number of labels that are not NaN, a scalar."""
        return (~target.isnan()).sum() if self._may_miss else target.numel()
