"""The likelihood of ordered classes. Shapes: B batch, K classes.

Source: CORN, Shi, Cao and Raschka 2021, https://arxiv.org/abs/2111.08851.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from declare.nn.losses.shapes import ShapeMismatchError
from declare.nn.losses.summed_loss import SummedLoss
from declare.nn.ordinal import exceedance
from declare.nn.precision import at_least_single


class Ordinal(SummedLoss):
    """Sum over valid targets of the negative log likelihood, with their number (or sum of class weights).

    Takes conditional logits [B, K - 1] and indices [B], -1 where missing, or class probabilities [B, K]
    (mixed targets). Each sample takes part in the steps that it reaches, so that the sum over steps is the
    likelihood of its class; the paper divides by the number of such steps, this by the number of samples.
    """

    class_weights: Tensor | None
    steps: Tensor

    def __init__(
        self, num_classes: int, *, class_weights: Sequence[float] | None = None, may_miss: bool = True
    ) -> None:
        super().__init__()
        weights = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float32)
        self.register_buffer("class_weights", weights, persistent=False)
        self.register_buffer("steps", torch.arange(num_classes - 1), persistent=False)
        self._all_count = not may_miss

    def forward(self, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor | int]:
        """Return (sum, weight), scalars."""
        self._require(logits, target)
        if target.is_floating_point():
            return self._soft_loss(at_least_single(logits), target), self.count(target)
        column = target.unsqueeze(1)
        # A missing target (-1) reaches no step and so adds nothing.
        reaches_step = (column >= self.steps).to(torch.float32)
        if self.class_weights is not None:
            reaches_step = reaches_step * self.class_weights[target.clamp_min(0)].unsqueeze(1)
        passes_step = (column > self.steps).to(torch.float32)
        total = functional.binary_cross_entropy_with_logits(
            at_least_single(logits), passes_step, reaches_step, reduction="sum"
        )
        return total, self.count(target)

    def count(self, target: Tensor) -> Tensor | int:
        """Return the number of valid targets, each times the weight of its class, a scalar."""
        if target.is_floating_point():
            return (target if self.class_weights is None else target * self.class_weights).sum()
        if self.class_weights is not None:
            return (self.class_weights[target.clamp_min(0)] * (target >= 0)).sum()
        return target.numel() if self._all_count else (target >= 0).sum()

    def _require(self, logits: Tensor, target: Tensor) -> None:
        """Raise `ShapeMismatchError` unless there is a logit for each step, and a class for each row."""
        rows, steps = len(target), len(self.steps)
        expected_shape = (rows, steps + 1) if target.is_floating_point() else (rows,)
        if logits.shape != (rows, steps) or target.shape != expected_shape:
            raise ShapeMismatchError(logits, target)

    def _soft_loss(self, logits: Tensor, target: Tensor) -> Tensor:
        share = target if self.class_weights is None else target * self.class_weights
        stop_share = share[:, :-1]
        pass_share = exceedance(share)
        return (stop_share * functional.softplus(logits) + pass_share * functional.softplus(-logits)).sum()
