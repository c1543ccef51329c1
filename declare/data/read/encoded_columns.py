"""What is counted in encoded columns: moments, missing rows, rows of each class."""

import numpy as np

from declare.contract.moments import moments as of_array
from declare.contract.shapes import Array


def moments(values: Array) -> dict[str, float]:
    """Return range, mean and deviation of the finite values; nothing where there is none."""
    summary = of_array(values)
    if not summary.number:
        return {}
    return {"minimum": summary.minimum, "maximum": summary.maximum, "mean": summary.mean, "std": summary.std}


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
