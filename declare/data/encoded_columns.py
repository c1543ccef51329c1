"""What is counted in encoded columns: moments, missing rows, rows of each class."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def moments(values: Array) -> dict[str, float]:
    """Return least, largest, mean and deviation of the finite numbers; nothing where there are none."""
    kept = values[np.isfinite(values)].astype(np.float64)
    if not kept.size:
        return {}
    low, high = float(kept.min()), float(kept.max())
    # Relative to the largest: squares of very large or very small numbers are no numbers.
    size = max(abs(low), abs(high)) or 1.0
    kept /= size
    mean, std = float(kept.mean()) * size, float(kept.std()) * size
    return {"minimum": low, "maximum": high, "mean": mean, "std": std}


def missing_rows(column: Array) -> Array:
    """Return which encoded values are missing."""
    if column.dtype.kind == "f":
        gone = np.asarray(np.isnan(column)).reshape(len(column), -1).all(axis=1)
        return np.asarray(gone)
    if column.dtype == np.int64:
        return np.asarray((column == -1).reshape(len(column), -1).all(axis=1))
    return np.zeros(len(column), bool)


def class_counts(column: Array, number: int) -> tuple[int, ...]:
    """Return how many rows are of each of `number` classes: indices [rows], or labels [rows, classes]."""
    if column.ndim == 2 and column.dtype.kind == "f":
        return tuple(int(count) for count in np.nansum(column, axis=0))
    return tuple(int(count) for count in np.bincount(column[column >= 0], minlength=number))
