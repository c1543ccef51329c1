"""How predicted values agree with true ones. Shapes: N samples, W width of the target."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from declare.nn.metrics.metric import Accumulator
from declare.nn.precision import to_double

NUMBER = 0
MEAN, REST, SPREAD = slice(1, 4), slice(4, 7), slice(7, 10)
"""Rows of `Moments` that hold one number for p, for t, and for p - t."""
SHARED, ABSOLUTE, SQUARED = 10, 11, 12
P, T, GAP = range(3)
_ROUNDING = 4 * torch.finfo(torch.float64).eps


class Moments(Accumulator):
    """Moments [13, W] of pairs of prediction p and target t, in double precision.

    Their number, the means of p, t and p - t with what they were rounded by, the sums of squared deviations of the
    three from their means, the sum of products of the deviations of p and t, the sums of |p - t| and (p - t)^2. Takes
    predictions and targets [N], [N, W] or [N, T, W], NaN where a target is missing. Nothing is lost where the mean is
    far larger than the spread: parts are merged by their means (Chan, Golub and LeVeque 1983).
    """

    by_unit = True
    key = "moments"

    def sums(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the moments [13, W] of a batch."""
        width = target.shape[-1] if target.dim() > 1 else 1
        predictions, targets = to_double(prediction).reshape(-1, width), to_double(target).reshape(-1, width)
        valid = ~targets.isnan()
        gap = (predictions - targets).where(valid, 0.0)
        number = valid.double().sum(0)
        values = torch.stack([predictions.where(valid, 0.0), targets.where(valid, 0.0), gap])
        means = values.sum(1) / number.clamp_min(1)
        deviations = (values - means.unsqueeze(1)).where(valid, 0.0)
        rests = deviations.sum(1) / number.clamp_min(1)
        deviations = (deviations - rests.unsqueeze(1)).where(valid, 0.0)
        spreads, products = (deviations * deviations).sum(1), (deviations[P] * deviations[T]).sum(0)
        return torch.stack([number, *means, *rests, *spreads, products, gap.abs().sum(0), (gap * gap).sum(0)])

    def merge(self, left: Tensor, right: Tensor) -> Tensor:
        """Return the moments [13, W] of two parts together."""
        number = left[NUMBER] + right[NUMBER]
        share = right[NUMBER] / number.clamp_min(1)
        step = (right[MEAN] - left[MEAN]) + (right[REST] - left[REST])
        offset = left[REST] + step * share
        means = left[MEAN] + offset
        between = left[NUMBER] * share
        spreads = left[SPREAD] + right[SPREAD] + step * step * between
        products = left[SHARED] + right[SHARED] + step[P] * step[T] * between
        rests = offset - (means - left[MEAN])
        sums = left[ABSOLUTE:] + right[ABSOLUTE:]
        merged = torch.stack([number, *means, *rests, *spreads, products, *sums])
        return torch.where(left[NUMBER] > 0, merged, right)


class ElementSums(Accumulator):
    """Sums [2, W] over pairs with a known target: an error of each pair, and a weight (1 by default).

    `cost(p, t)` and `weight(p, t)` take predictions and targets in double precision [N, W].
    """

    by_unit = True

    def __init__(
        self,
        cost: Callable[[Tensor, Tensor], Tensor],
        weight: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.key = ("elements", cost, weight)
        self._cost, self._weight = cost, weight

    def sums(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the sums [2, W] of a batch."""
        width = target.shape[-1] if target.dim() > 1 else 1
        predictions, targets = to_double(prediction).reshape(-1, width), to_double(target).reshape(-1, width)
        is_labelled = ~targets.isnan()
        weight = torch.ones_like(targets) if self._weight is None else self._weight(predictions, targets)
        return torch.stack(
            [item.where(is_labelled, 0.0).sum(0) for item in (self._cost(predictions, targets), weight)]
        )


def relative_error(prediction: Tensor, target: Tensor) -> Tensor:
    """Return |p - t| / |t| [N, W]; infinite or NaN if the target is 0."""
    return (prediction - target).abs() / target.abs()


def symmetric_relative_error(prediction: Tensor, target: Tensor) -> Tensor:
    """Return 2 |p - t| / (|p| + |t|) [N, W]; 0 if both are 0."""
    size = prediction.abs() + target.abs()
    return 2 * (prediction - target).abs() / size.where(size != 0, 1.0)


def absolute_error(prediction: Tensor, target: Tensor) -> Tensor:
    """Return |p - t| [N, W]."""
    return (prediction - target).abs()


def target_size(prediction: Tensor, target: Tensor) -> Tensor:  # noqa: ARG001 - the signature of weights
    """Return |t| [N, W]."""
    return target.abs()


def squared_log_error(prediction: Tensor, target: Tensor) -> Tensor:
    """Return (log(1 + p) - log(1 + t))^2 [N, W]; NaN below -1, infinite at -1."""
    return (prediction.log1p() - target.log1p()).square()


def log_cosh(prediction: Tensor, target: Tensor) -> Tensor:
    """Return log(cosh(p - t)) [N, W], exact for gaps as small or as large as there are."""
    gap = (prediction - target).abs()
    small = (2 * (gap.clamp_max(1.0) / 2).sinh().square()).log1p()
    return torch.where(gap < 1, small, gap + (-2 * gap).exp().log1p() - math.log(2))


def mean_cost(sums: Tensor) -> Tensor:
    """Return the sum of errors divided by the sum of weights, a scalar; NaN if it is not finite."""
    value = sums[0].sum() / sums[1].sum()
    return value.where(value.isfinite(), torch.nan)


def mean_absolute(sums: Tensor) -> Tensor:
    """Return the mean absolute error over all values, from moments [13, W]."""
    return sums[ABSOLUTE].sum() / sums[NUMBER].sum()


def mean_squared(sums: Tensor) -> Tensor:
    """Return the mean squared error over all values, from moments [13, W]."""
    return sums[SQUARED].sum() / sums[NUMBER].sum()


def root_mean_squared(sums: Tensor) -> Tensor:
    """Return the root of the mean squared error over all values, from moments [13, W]."""
    return mean_squared(sums).sqrt()


def each_output(formula: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return a formula that averages `formula` [W] over the outputs for which it is defined.

    NaN if a prediction is not finite: such an output is not left out.
    """

    def mean(sums: Tensor) -> Tensor:
        if not sums.isfinite().all():
            return sums.new_tensor(torch.nan)
        values = formula(sums)
        return values[values.isfinite()].mean()

    return mean


def r_squared(sums: Tensor) -> Tensor:
    """Return R^2 of each output [W]: 0 is as good as the mean; NaN if the target is constant."""
    return 1 - relative_squared(sums)


def relative_squared(sums: Tensor) -> Tensor:
    """Return the squared error over that of the mean, of each output [W]; NaN if the target is constant."""
    return _safe_ratio(sums[SQUARED], _spread(sums, T))


def root_relative_squared(sums: Tensor) -> Tensor:
    """Return the root mean squared error over the target's standard deviation for each output [W]."""
    return relative_squared(sums).sqrt()


def explained_variance(sums: Tensor) -> Tensor:
    """Return 1 - Var(p - t) / Var(t) of each output [W]; NaN if the target is constant."""
    return 1 - _safe_ratio(sums[SPREAD][GAP], _spread(sums, T))


def weighted_explained_variance(sums: Tensor) -> Tensor:
    """Return the explained variance of all outputs [W], weighed by their variance; a constant target has none."""
    counted = sums[:, sums[NUMBER] > 0]
    spread = _spread(counted, T)
    varies = spread > 0
    shares = (counted[SPREAD][GAP] / counted[NUMBER])[varies].sum() / (spread / counted[NUMBER])[varies].sum()
    return 1 - shares


def concordance(sums: Tensor) -> Tensor:
    """Return Lin's concordance of each output [W], moments over N; NaN if nothing varies nor differs."""
    squared_bias = sums[NUMBER] * (sums[MEAN][P] - sums[MEAN][T]) ** 2
    return _safe_ratio(2 * sums[SHARED], _spread(sums, P) + _spread(sums, T) + squared_bias)


def correlation(sums: Tensor) -> Tensor:
    """Return Pearson's correlation of each output [W]; NaN if one side is constant."""
    return _safe_ratio(sums[SHARED], _spread(sums, P).sqrt() * _spread(sums, T).sqrt()).clamp(-1, 1)


def _safe_ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Return part / whole, NaN if the whole is 0."""
    return (numerator / denominator).where(denominator > 0, torch.nan)


def _spread(sums: Tensor, side: int) -> Tensor:
    """Return the sum of squared deviations of one side, 0 if it is only rounding of the mean."""
    spread, mean = sums[SPREAD][side], sums[MEAN][side]
    return spread.where(spread > sums[NUMBER] * (_ROUNDING * mean) ** 2, 0.0)
