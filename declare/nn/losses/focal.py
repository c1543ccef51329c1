"""Cross entropy that counts hard samples more. Shapes: B batch, K classes, ... any further axes (pixels)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from declare.nn.losses.shapes import require_classes
from declare.nn.losses.summed_loss import SummedLoss
from declare.nn.precision import at_least_single

_TINY = 1e-12


class Focal(SummedLoss):
    """Sum over valid targets of (1 - p)^gamma times the cross entropy, with the sum of their class weights.

    Takes logits [B, K, ...] and indices [B, ...], -1 where missing, or class probabilities [B, K, ...]
    (mixed targets). `p` is the probability given to the true class. Source: Lin et al. 2017,
    https://arxiv.org/abs/1708.02002.
    """

    class_weights: Tensor | None

    def __init__(
        self, *, gamma: float = 2.0, class_weights: Sequence[float] | None = None, may_miss: bool = True
    ) -> None:
        super().__init__()
        weights = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float32)
        self.register_buffer("class_weights", weights, persistent=False)
        self._gamma = gamma
        self._all_count = not may_miss

    def forward(self, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor | int]:
        """Return (sum, weight), scalars."""
        require_classes(logits, target)
        logs = at_least_single(logits).log_softmax(1)
        # Of an exponent below 1 the slope at 0 has no bound: a sample that is surely right would give NaN.
        terms = -((1 - logs.exp()).clamp_min(_TINY) ** self._gamma) * logs
        if target.is_floating_point():
            return (terms * self._weight_classes(target)).sum(), self.count(target)
        valid = target >= 0
        chosen = terms.gather(1, target.clamp_min(0).unsqueeze(1)).squeeze(1) * valid
        if self.class_weights is not None:
            chosen = chosen * self.class_weights[target.clamp_min(0)]
        return chosen.sum(), self.count(target)

    def count(self, target: Tensor) -> Tensor | int:
        """Return the number of valid targets, each times the weight of its class, a scalar."""
        if target.is_floating_point():
            return self._weight_classes(target).sum()
        if self.class_weights is not None:
            return (self.class_weights[target.clamp_min(0)] * (target >= 0)).sum()
        return target.numel() if self._all_count else (target >= 0).sum()

    def _weight_classes(self, target: Tensor) -> Tensor:
        if self.class_weights is None:
            return target
        return target * self.class_weights.view(-1, *[1] * (target.dim() - 2))
