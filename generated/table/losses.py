"""Losses and metrics of `table`."""

from collections.abc import Mapping
from functools import reduce

import torch
from torch import Tensor
from torch.nn import functional

REST = slice(4, 7)
MEAN = slice(1, 4)
SPREAD = slice(7, 10)
_ROUNDING = 4 * torch.finfo(torch.float64).eps


def mean(total: Tensor, weight: Tensor | float) -> Tensor:
    """Return total / weight, 0 if nothing is valid."""
    if isinstance(weight, Tensor):
        return total / weight.clamp_min(1e-12)
    return total * (1 / weight) if weight else total


def distance(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the distance of values [B, ...], summed or averaged to a scalar."""
    return functional.huber_loss(prediction, target, reduction="sum", delta=1.0)


def huber_sum(prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor | int]:
    """The sum of the loss over valid targets, and their weight."""
    prediction = prediction if prediction.dtype == torch.float64 else prediction.float()
    weight = target.numel()
    return distance(prediction, target.to(prediction.dtype)), weight


def price_target(batch: Mapping[str, Tensor]) -> Tensor:
    """Return standardised targets [B, ...], NaN where the loss leaves them out."""
    target = batch["price"]
    target = (target - 17.725338260128854) * 0.20347105619762318
    return target.float()


def fit_loss(outputs: dict[str, Tensor], batch: dict[str, Tensor], totals: Tensor | None = None) -> Tensor:
    """Return the loss of a batch of `fit`; `totals` are those of a larger one."""
    total, weight = huber_sum(outputs["price"], price_target(batch))
    if totals is None:
        return mean(total, weight)
    return total / totals[0].clamp_min(1e-12)


def fit_totals(batch: dict[str, Tensor]) -> Tensor:
    """Return what the losses of a batch are divided by: the weights of its valid targets."""
    return torch.tensor([float(price_target(batch).numel())])


def value_of(output: Tensor) -> Tensor:
    value = output.double()
    return value * 4.91470393228185 + 17.725338260128854


def moments(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the moments [13, W] of a batch."""
    predictions, targets = prediction.double().reshape(-1, 1), target.double().reshape(-1, 1)
    valid = ~targets.isnan()
    gap = (predictions - targets).where(valid, 0.0)
    number = valid.double().sum(0)
    values = torch.stack([predictions.where(valid, 0.0), targets.where(valid, 0.0), gap])
    means = values.sum(1) / number.clamp_min(1)
    deviations = (values - means.unsqueeze(1)).where(valid, 0.0)
    rests = deviations.sum(1) / number.clamp_min(1)
    deviations = (deviations - rests.unsqueeze(1)).where(valid, 0.0)
    spreads, products = (deviations * deviations).sum(1), (deviations[0] * deviations[1]).sum(0)
    return torch.stack([number, *means, *rests, *spreads, products, gap.abs().sum(0), (gap * gap).sum(0)])


def merge_moments(left: Tensor, right: Tensor) -> Tensor:
    """Return the moments [13, W] of two parts together."""
    number = left[0] + right[0]
    share = right[0] / number.clamp_min(1)
    step = right[MEAN] - left[MEAN] + (right[REST] - left[REST])
    offset = left[REST] + step * share
    means = left[MEAN] + offset
    between = left[0] * share
    spreads = left[SPREAD] + right[SPREAD] + step * step * between
    products = left[10] + right[10] + step[0] * step[1] * between
    rests = offset - (means - left[MEAN])
    sums = left[11:] + right[11:]
    merged = torch.stack([number, *means, *rests, *spreads, products, *sums])
    return torch.where(left[0] > 0, merged, right)


def safe_ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Return part / whole, NaN if the whole is 0."""
    return (numerator / denominator).where(denominator > 0, torch.nan)


def spread_of(sums: Tensor) -> Tensor:
    """Return the sum of squared deviations of one side, 0 if it is only rounding of the mean."""
    spread, mean = sums[SPREAD][1], sums[MEAN][1]
    return spread.where(spread > sums[0] * (_ROUNDING * mean) ** 2, 0.0)


def r2(sums: Tensor) -> Tensor:
    """Fraction of the target's variance that is explained: 1 is perfect, 0 is as good as predicting the mean."""
    if not sums.isfinite().all():
        return sums.new_tensor(torch.nan)
    values = 1 - safe_ratio(sums[12], spread_of(sums))
    return values[values.isfinite()].mean()


class PriceScores:
    """The metrics of `price` over batches."""

    def __init__(self) -> None:
        self.total = self.weight = 0.0
        self.has_nan = False
        self.moments: list[Tensor] = []

    def update(self, output: Tensor, batch: dict[str, Tensor]) -> None:
        """Take in a batch."""
        target = price_target(batch)
        total, weight = huber_sum(output.double(), target)
        self.total += float(total)
        self.weight += float(weight)
        prediction, target = (value_of(output), batch["price"])
        self.has_nan = self.has_nan or bool(prediction.isnan().any())
        self.moments.append(moments(prediction, target))

    def results(self) -> dict[str, float]:
        """Return the loss and every metric."""
        moments = reduce(merge_moments, self.moments).double()
        return (
            {
                "loss": self.total / self.weight if self.weight else torch.nan,
                "mae": float(moments[11].sum() / moments[0].sum()),
                "rmse": float((moments[12].sum() / moments[0].sum()).sqrt()),
                "r2": float(r2(moments)),
            }
            if not self.has_nan
            else {
                "loss": self.total / self.weight if self.weight else torch.nan,
                **dict.fromkeys(["mae", "rmse", "r2"], torch.nan),
            }
        )


def price_prediction(output: Tensor) -> dict[str, Tensor]:
    """Return `value` [B, ...] in the data's own units."""
    return {"value": value_of(output)}
