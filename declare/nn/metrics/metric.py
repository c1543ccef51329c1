"""A metric: a formula over the sums of an accumulator, which several metrics may share."""

from collections.abc import Callable, Hashable, Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor


def is_broken(prediction: Tensor, target: Tensor) -> Tensor:
    """Return whether the prediction of a known target is NaN, a scalar; shapes as metrics take them."""
    is_nan = prediction.isnan()
    if is_nan.dim() == target.dim() + 1:
        # The axis of classes is the second, of tokens [N, T, V] the last.
        axis = 1 if is_nan.shape[:1] + is_nan.shape[2:] == target.shape else -1
        is_nan = is_nan.any(axis)
    is_labelled = ~target.isnan() if target.is_floating_point() else target >= 0
    return (is_nan & is_labelled).any() if is_nan.shape == is_labelled.shape else is_nan.any()


class Accumulator:
    """Sums over the samples of an evaluation, kept on their device.

    Predictions and targets are [N, ...], of the shapes that the metric states; the sums have one shape, whatever the
    batch. Two accumulators with the same `key` sum up the same. `merge` makes one of the states of two parts, of
    batches as of processes.
    """

    key: Hashable = None
    by_unit = False
    """Whether the last axis of the sums is units of the target, which differ from one target to another."""
    most_rows: int | None = None
    """Of one that stores samples instead of sums: how many, for `table(prediction, target)` of all of them."""

    def __init__(self) -> None:
        self.state: Tensor | None = None

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Take in a batch: predictions and targets [N, ...]."""
        sums = self.sums(prediction, target)
        self.state = sums if self.state is None else self.merge(self.state, sums)

    def sums(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the sums over a batch [N, ...], of one shape whatever the batch."""
        raise NotImplementedError

    def merge(self, left: Tensor, right: Tensor) -> Tensor:
        """Return the sums over two parts together, of the same shape."""
        return left + right

    def local_state(self) -> Any:
        """Return what this process has seen, for `merge_states`."""
        return None if self.state is None else self.state.cpu()

    def merge_states(self, states: Sequence[Any]) -> None:
        """Take what all processes have seen, by rank, in the place of the own portion."""
        nonempty = [portion for portion in states if portion is not None]
        self.state = reduce(self.merge, nonempty) if nonempty else None

    def total(self) -> Tensor | None:
        """Return the sums, of any shape, in double precision on the CPU; None if there was no batch."""
        return None if self.state is None else self.state.cpu().double()

    def side_by_side(self, totals: Sequence[Tensor]) -> Tensor:
        """Return the sums [..., units] of several targets as those of one target with all their units."""
        return torch.cat(list(totals), -1)

    def reset(self) -> None:
        """Forget everything."""
        self.state = None


class AccumulatedMetric:
    """A formula over the sums of an accumulator; `update`, `compute` and `reset` named as in torchmetrics.

    Predictions and targets are [N, ...], of the shapes that the metric states; the metric is a scalar.
    """

    def __init__(self, accumulator: Accumulator, formula: Callable[[Tensor], Tensor]) -> None:
        self.accumulator = accumulator
        self.formula = formula

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Take in a batch: predictions and targets [N, ...]."""
        self.accumulator.update(prediction, target)

    def compute(self) -> Tensor:
        """Return the metric, a scalar in float64; NaN if it is undefined."""
        total = self.accumulator.total()
        return torch.tensor(torch.nan, dtype=torch.float64) if total is None else self.formula(total)

    @classmethod
    def combine(cls, metrics: Sequence[Any]) -> Tensor:
        """Return one metric, a scalar, over several targets, each with its own head.

        Sums of the same units (equal keys) are merged, other units are concatenated. Metrics that are not of sums
        have the mean of those that are defined.
        """
        same_class = [item for item in metrics if isinstance(item, cls)]
        totals = [total for item in same_class if (total := item.accumulator.total()) is not None]
        if totals and len(same_class) == len(metrics):
            first = same_class[0].accumulator
            is_same = not first.by_unit and len({item.accumulator.key for item in same_class}) == 1
            return same_class[0].formula(
                reduce(first.merge, totals) if is_same else first.side_by_side(totals)
            )
        values = torch.stack([torch.as_tensor(item.compute()).double().cpu() for item in metrics])
        return values[values.isfinite()].mean()

    def reset(self) -> None:
        """Forget everything."""
        self.accumulator.reset()
