"""Cross entropy of classes. Shapes: B batch, K classes, ... any further axes (pixels)."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from declare.nn.losses.shapes import require_classes, require_indices
from declare.nn.losses.summed_loss import SummedLoss
from declare.nn.precision import at_least_single


class CrossEntropy(SummedLoss):
    """Sum over valid targets of the cross entropy, with the sum of their class weights.

    Takes logits [B, K, ...] (softmax is applied here) and indices [B, ...], where -1 and `ignore_index` do
    not count, or class probabilities [B, K, ...] (mixed targets; a row of zeros, and the fraction of `ignore_index`,
    do not count).
    """

    class_weights: Tensor | None

    def __init__(
        self,
        *,
        class_weights: Sequence[float] | None = None,
        label_smoothing: float = 0.0,
        ignore_index: int | None = None,
        may_miss: bool = True,
    ) -> None:
        super().__init__()
        weights = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float32)
        self.register_buffer("class_weights", weights, persistent=False)
        self._smoothing = label_smoothing
        self._ignored = ignore_index
        self._all_count = not may_miss and ignore_index is None
        self.has_fused_mean = self._all_count and class_weights is None

    def forward(self, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor | int]:
        """Return (sum, weight), scalars."""
        require_classes(logits, target)
        if target.is_floating_point():
            return self._soft_loss(at_least_single(logits), self._without_ignored_class(target)), self.count(
                target
            )
        if self._ignored is not None:
            target = target.masked_fill(target == self._ignored, -1)
        total = functional.cross_entropy(
            *_flat(at_least_single(logits), target),
            self._weights(logits),
            ignore_index=-1,
            reduction="sum",
            label_smoothing=self._smoothing,
        )
        return total, self.count(target)

    def mean(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return sum / weight, a scalar, in one call; only if `has_fused_mean`, for indices."""
        require_indices(logits, target)
        return functional.cross_entropy(
            *_flat(at_least_single(logits), target), label_smoothing=self._smoothing
        )

    def count(self, target: Tensor) -> Tensor | int:
        """Return the number of valid targets, each times the weight of its class, a scalar."""
        if target.is_floating_point():
            target = self._without_ignored_class(target)
            return (
                target if self.class_weights is None else target.movedim(1, -1) * self.class_weights
            ).sum()
        if self._all_count and self.class_weights is None:
            return target.numel()
        valid = target >= 0 if self._ignored is None else (target >= 0) & (target != self._ignored)
        if self.class_weights is None:
            return valid.sum()
        return (self.class_weights[target.masked_fill(~valid, 0)] * valid).sum()

    def _without_ignored_class(self, target: Tensor) -> Tensor:
        """Return class probabilities [B, K, ...] without that of the ignored class."""
        if self._ignored is None or not 0 <= self._ignored < target.shape[1]:
            return target
        return target.index_fill(1, torch.tensor(self._ignored, device=target.device), 0.0)

    def _soft_loss(self, logits: Tensor, target: Tensor) -> Tensor:
        if self._smoothing:
            # Smoothing keeps a row's mass, so that a row of zeros stays one.
            mass = target.sum(1, keepdim=True)
            target = target * (1 - self._smoothing) + mass * (self._smoothing / target.shape[1])
        return functional.cross_entropy(logits, target, self._weights(logits), reduction="sum")

    def _weights(self, logits: Tensor) -> Tensor | None:
        return None if self.class_weights is None else self.class_weights.to(at_least_single(logits).dtype)


def _flat(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return pixels as rows if bits must repeat: a GPU adds up the loss of images in any order."""
    if logits.dim() == 2 or not torch.are_deterministic_algorithms_enabled():
        return logits, target
    return logits.flatten(2).transpose(1, 2).flatten(0, 1), target.flatten()
