"""How predicted values agree with true ones. Shapes: N samples, W width of the target."""

from collections.abc import Callable

import torch
from torch import Tensor

from declare.nn.metrics.figure import Accumulator


class Moments(Accumulator):
    """Sums [8, W] over pairs: their number, p, t, pp, tt, pt, |p - t|, (p - t)^2.

    Takes predictions and targets [N], [N, W] or [N, T, W], NaN where a target is missing. Values are
    shifted by `shift` (about the target's mean) first, so that a spread far smaller than the mean is not
    lost to rounding.
    """

    by_unit = True

    def __init__(self, shift: float = 0.0) -> None:
        super().__init__()
        self.key = ("moments", shift)
        self._shift = shift

    def sums(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the sums of a batch."""
        width = target.shape[-1] if target.dim() > 1 else 1
        p = _double(prediction).reshape(-1, width) - self._shift
        t = _double(target).reshape(-1, width) - self._shift
        known = ~t.isnan()
        p, t = p.where(known, 0.0), t.where(known, 0.0)
        gap = p - t
        return torch.stack(
            [item.sum(0) for item in (known.double(), p, t, p * p, t * t, p * t, gap.abs(), gap * gap)]
        )


def _double(values: Tensor) -> Tensor:
    # Apple's GPUs have no double precision.
    return values.cpu().double() if values.device.type == "mps" else values.double()


def mean_absolute(sums: Tensor) -> Tensor:
    """Return the mean absolute error over all values."""
    return sums[6].sum() / sums[0].sum()


def mean_squared(sums: Tensor) -> Tensor:
    """Return the mean squared error over all values."""
    return sums[7].sum() / sums[0].sum()


def root_mean_squared(sums: Tensor) -> Tensor:
    """Return the root of the mean squared error over all values."""
    return mean_squared(sums).sqrt()


def each_output(formula: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return a formula that averages `formula` over the outputs for which it is defined."""

    def mean(sums: Tensor) -> Tensor:
        values = formula(sums)
        return values[values.isfinite()].mean()

    return mean


def explained(sums: Tensor) -> Tensor:
    """Return R^2 of each output [W]: 0 is as good as the mean; NaN where the target is constant."""
    return 1 - sums[7] / _spread(sums, 2, 4)


def normalised(sums: Tensor) -> Tensor:
    """Return the root mean squared error over the target's standard deviation for each output [W]."""
    return (sums[7] / _spread(sums, 2, 4)).sqrt()


def correlation(sums: Tensor) -> Tensor:
    """Return Pearson's correlation of each output [W]; NaN where one side is constant."""
    together = sums[5] - sums[1] * sums[2] / sums[0]
    return together / (_spread(sums, 1, 3) * _spread(sums, 2, 4)).sqrt()


def _spread(sums: Tensor, first: int, second: int) -> Tensor:
    """Return the sum of squared deviations, 0 where it is only rounding."""
    spread = sums[second] - sums[first] ** 2 / sums[0]
    return spread.where(spread > 1e-12 * sums[second], 0.0)
