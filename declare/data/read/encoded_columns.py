"""What is counted in encoded columns: moments, missing rows, rows of each class."""

from collections.abc import Mapping

import numpy as np

from declare.contract.moments import moments as of_array
from declare.contract.shapes import Array


def moments(values: Array) -> dict[str, float]:
    """Return range, mean and standard deviation of the finite values; empty if there are none."""
    summary = of_array(values)
    if not summary.number:
        return {}
    return {"minimum": summary.minimum, "maximum": summary.maximum, "mean": summary.mean, "std": summary.std}


def missing_rows(column: Array) -> Array:
    """Return which encoded values are missing."""
    features = tuple(range(1, column.ndim))
    if column.dtype.kind == "f":
        return np.asarray(np.isnan(column).all(axis=features))
    if column.dtype == np.int64:
        return np.asarray((column == -1).all(axis=features))
    return np.zeros(len(column), bool)


def constant_splits(
    columns: Mapping[str, Array], positions: Mapping[str, Array]
) -> dict[str, tuple[str, ...]]:
    """Return by encoded column the splits whose known values are all equal; columns without one are left out."""
    splits = {
        name: tuple(split for split, rows in positions.items() if _is_constant(column[rows]))
        for name, column in columns.items()
    }
    return {name: constant for name, constant in splits.items() if constant}


def split_ranges(
    columns: Mapping[str, Array], positions: Mapping[str, Array]
) -> dict[str, dict[str, tuple[float, float]]]:
    """Return by encoded column of numbers, and by split, the lowest and the highest finite value."""
    numbers = {name: column for name, column in columns.items() if column.dtype.kind == "f"}
    moments_by_split = {
        name: {split: moments(column[rows]) for split, rows in positions.items()}
        for name, column in numbers.items()
    }
    return {
        name: {split: (item["minimum"], item["maximum"]) for split, item in splits.items() if item}
        for name, splits in moments_by_split.items()
    }


def _is_constant(column: Array) -> bool:
    values = column[~missing_rows(column)]
    return bool(len(values) and (values == values[:1]).all())


def class_counts(column: Array, number: int) -> tuple[int, ...]:
    """Return how many rows are of each of `number` classes: indices [rows], or labels [rows, classes]."""
    if column.ndim == 2 and column.dtype.kind == "f":
        return tuple(int(count) for count in np.nansum(column, axis=0))
    return tuple(int(count) for count in np.bincount(column[column >= 0], minlength=number))
