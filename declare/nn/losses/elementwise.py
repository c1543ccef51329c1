"""Distances between values, element by element. Shapes: any, the same for prediction and target."""

import torch
from torch import Tensor
from torch.nn import functional

from declare.nn.losses.shapes import require_same
from declare.nn.losses.summed_loss import SummedLoss
from declare.nn.precision import at_least_single


class Elementwise(SummedLoss):
    """Sum of a distance over the elements whose target is not NaN, with their number: both scalars.

    Takes a prediction and a target of the same shape, [B, ...].
    """

    def __init__(self, *, may_miss: bool = True) -> None:
        super().__init__()
        self._may_miss = may_miss
        self.has_fused_mean = not may_miss

    def forward(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor | int]:
        """Return (sum, weight), scalars."""
        require_same(prediction, target)
        prediction = at_least_single(prediction)
        weight = self.count(target)
        if self._may_miss:
            # A missing target becomes the prediction itself: no distance and no gradient, in a static shape.
            target = torch.where(target.isnan(), prediction.detach(), target)
        return self.distance(prediction, target.to(prediction.dtype), "sum"), weight

    def mean(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return sum / weight, a scalar, in one call; only if `has_fused_mean`: no target can be missing."""
        require_same(prediction, target)
        prediction = at_least_single(prediction)
        return self.distance(prediction, target.to(prediction.dtype), "mean")

    def count(self, target: Tensor) -> Tensor | int:
        """Return the number of elements that are not NaN, a scalar."""
        return (~target.isnan()).sum() if self._may_miss else target.numel()

    def distance(self, prediction: Tensor, target: Tensor, reduction: str) -> Tensor:
        """Return the distance of values [B, ...], summed or averaged to a scalar."""
        raise NotImplementedError


class SquaredError(Elementwise):
    """Sum of (prediction - target)^2 over [B, ...]."""

    def distance(self, prediction: Tensor, target: Tensor, reduction: str) -> Tensor:
        """Return the distance of values [B, ...], summed or averaged to a scalar."""
        return functional.mse_loss(prediction, target, reduction=reduction)


class AbsoluteError(Elementwise):
    """Sum of |prediction - target| over [B, ...]."""

    def distance(self, prediction: Tensor, target: Tensor, reduction: str) -> Tensor:
        """Return the distance of values [B, ...], summed or averaged to a scalar."""
        return functional.l1_loss(prediction, target, reduction=reduction)


class Huber(Elementwise):
    """Sum of the Huber distance over [B, ...]: quadratic up to `delta`, linear beyond (Huber 1964)."""

    def __init__(self, *, delta: float = 1.0, may_miss: bool = True) -> None:
        super().__init__(may_miss=may_miss)
        self._delta = delta

    def distance(self, prediction: Tensor, target: Tensor, reduction: str) -> Tensor:
        """Return the distance of values [B, ...], summed or averaged to a scalar."""
        return functional.huber_loss(prediction, target, reduction=reduction, delta=self._delta)
