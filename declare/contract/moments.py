"""Range and moments of large arrays, computed in parts to save memory."""

from collections.abc import Iterator
from typing import NamedTuple

from declare.contract.shapes import Array

_PART = 1 << 22
"""Values of a part."""


class Moments(NamedTuple):
    """Of the finite values of an array: how many, their range, mean and deviation; `infinite` counts the infinite."""

    number: int
    minimum: float = 0.0
    maximum: float = 0.0
    mean: float = 0.0
    std: float = 0.0
    infinite: int = 0


def chunks(array: Array) -> Iterator[Array]:
    """Yield views of an array with at most 4,194,304 values each; a smaller array is not divided."""
    if array.size <= _PART:
        yield array
        return
    rows = _PART * len(array) // array.size
    if rows:
        yield from (array[start : start + rows] for start in range(0, len(array), rows))
    else:
        for row in array:
            yield from chunks(row)


def moments(array: Array) -> Moments:
    """Return the moments of an array, as float64; only `infinite` is known if no value is finite."""
    import numpy as np

    low, high, number, infinite = np.inf, -np.inf, 0, 0
    for part in chunks(array):
        kept = part[np.isfinite(part)]
        infinite += int(np.isinf(part).sum()) if kept.size < part.size else 0
        if kept.size:
            low, high = min(low, float(kept.min())), max(high, float(kept.max()))
            number += kept.size
    if not number:
        return Moments(0, infinite=infinite)
    # Relative to the largest: squares of very large or very small numbers are not numbers.
    size = max(abs(low), abs(high), float(np.finfo(np.float64).tiny))
    mean = sum(float(part.sum()) for part in _scale_parts(array, size)) / number
    squares = sum(float(((part - mean) ** 2).sum()) for part in _scale_parts(array, size))
    std = float(np.sqrt(squares / number)) * size
    return Moments(number, low, high, mean * size, std, infinite)


def _scale_parts(array: Array, size: float) -> Iterator[Array]:
    """Yield the finite values of each part as float64, divided by `size`."""
    import numpy as np

    for part in chunks(array):
        yield part[np.isfinite(part)].astype(np.float64) / size
