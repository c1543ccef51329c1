"""Numerically stable moments of batches, without sums of large squares."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from declare.contract.shapes import Array
from declare.contract.torch_types import TorchTensor

_ROUNDING = 8 * float(np.finfo(np.float64).eps)


class ChannelMoments:
    """Number, mean and standard deviation of each channel, in float64; values that are not finite are skipped.

    Parts are merged by their means (Chan, Golub and LeVeque 1983). Values are scaled to about 1, so that
    squares of very large and very small ones are finite.
    """

    def __init__(self) -> None:
        self._number: Any = 0
        self._mean: Any = 0.0
        self._rest: Any = 0.0
        """Rounding error of the mean."""
        self._squares: Any = 0.0
        self._size: Any = 0.0
        self._unit: Any = 1.0

    def add(self, values: Array) -> None:
        """Add values [rows, channels, ...]."""
        axes = (0, *range(2, values.ndim))
        known = np.isfinite(values)
        kept = np.where(known, values, 0).astype(np.float64)
        size = np.abs(kept).max(axis=axes, initial=0)
        # Before anything but zeros was seen any unit will do.
        self._unit = np.where((self._size == 0) & (size > 0), np.exp2(np.frexp(size)[1]), self._unit)
        self._size = np.maximum(self._size, size)
        kept /= _per_channel(self._unit, values.ndim)
        number = known.sum(axis=axes)
        mean = kept.sum(axis=axes) / np.maximum(number, 1)
        off = np.where(known, kept - _per_channel(mean, values.ndim), 0)
        # The first mean of many large values is off by more than one rounding.
        rest = off.sum(axis=axes) / np.maximum(number, 1)
        squares = (np.where(known, off - _per_channel(rest, values.ndim), 0) ** 2).sum(axis=axes)
        self._merge(number, (mean, rest), squares)

    def _merge(self, number: Any, mean: tuple[Any, Any], squares: Any) -> None:
        total, seen = self._number + number, self._number > 0
        share = number / np.maximum(total, 1)
        step = (mean[0] - self._mean) + (mean[1] - self._rest)
        moved = self._rest + step * share
        merged = self._mean + moved
        self._squares = self._squares + squares + step**2 * self._number * share
        self._rest = np.where(seen, moved - (merged - self._mean), mean[1])
        self._mean = np.where(seen, merged, mean[0])
        self._number = total

    def mean(self) -> Any:
        """Return the mean of each channel."""
        return (self._mean + self._rest) * self._unit

    def std(self) -> Any:
        """Return the standard deviation of each channel; 0 if it is only rounding error."""
        std = np.sqrt(self._squares / np.maximum(self._number, 1)) * self._unit
        return np.where(std > _ROUNDING * self._size, std, 0.0)


def _per_channel(values: Any, ndim: int) -> Array:
    """Return one value per channel, shaped to broadcast against [rows, channels, ...]."""
    return np.asarray(values).reshape((1, -1, *[1] * (ndim - 2)))


def restore(values: TorchTensor, statistics: Mapping[str, Sequence[float]]) -> TorchTensor:
    """Return values [B, C, ...] times `std` plus `mean` of each channel."""
    form = (-1,) + (1,) * (values.dim() - 2)
    mean = values.new_tensor(list(statistics["mean"])).reshape(form)
    std = values.new_tensor(list(statistics["std"])).reshape(form)
    return values * std + mean
