"""Whether float64 keeps the different values of a column distinct."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np

from declare.contract.moments import chunks
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array
from declare.contract.text_column import TextColumn

_NARROW = 2.0**-32
"""Ratio of range to magnitude below which float64 rounding may merge values."""
_LARGEST_EXACT = 2.0**53
"""Up to this magnitude float64 has every integer."""
_PART = 1 << 22
"""Number of values that are compared at a time."""


def refuse_merged(raw: Any, numbers: Array) -> None:
    """Raise `ProblemError` DAT306 if different numbers of `raw` became equal in their float64 form `found`.

    Rounding that is small compared with the range of the column is accepted.
    """
    if not is_narrow(numbers):
        return
    known = np.isfinite(numbers)
    kept = numbers[known]
    distinct = _distinct(raw, known)
    num_left = len(np.unique(kept))
    if distinct is not None and distinct > num_left:
        raise ProblemError(_rounding_problem(distinct, num_left, float(kept[0])))


def is_narrow(values: Array) -> bool:
    """Return whether the range of the finite numbers is so small that float64 may merge some."""
    low, high = np.inf, -np.inf
    for part in chunks(values):
        kept = part[np.isfinite(part)]
        if kept.size:
            low, high = min(low, float(kept.min())), max(high, float(kept.max()))
    # Halves: the range of the largest doubles is not a double.
    largest = max(abs(low), abs(high))
    return low <= high and largest > 0 and high / 2 - low / 2 < _NARROW / 2 * largest


def narrow_features(numbers: Array) -> list[int]:
    """Return the indices along the first feature axis whose finite numbers are that close together."""
    others = (0, *range(2, numbers.ndim))
    low, high = np.full(numbers.shape[1], np.inf), np.full(numbers.shape[1], -np.inf)
    rows = max(1, _PART * len(numbers) // max(1, numbers.size))
    for start in range(0, len(numbers), rows):
        part = numbers[start : start + rows]
        known = np.isfinite(part)
        low = np.minimum(low, np.where(known, part, np.inf).min(axis=others, initial=np.inf))
        high = np.maximum(high, np.where(known, part, -np.inf).max(axis=others, initial=-np.inf))
    largest = np.maximum(np.abs(low), np.abs(high))
    with np.errstate(invalid="ignore"):
        narrow = (low <= high) & (largest > 0) & (high / 2 - low / 2 < _NARROW / 2 * largest)
    return np.flatnonzero(narrow).tolist()


def merged_features(raw: Array, numbers: Array, features: list[int]) -> list[int]:
    """Return those of the features along the first feature axis that may have lost a value: all if it is unknown.

    Raw values of a type of NumPy are compared all at once: a sample may have millions of features.
    """
    plain = np.array(raw.tolist()) if raw.dtype == object else raw
    rows = np.moveaxis(numbers[:, features], 1, 0).reshape(len(features), -1)
    if plain.shape != numbers.shape or not np.isfinite(rows).all():
        return features
    if plain.dtype.kind == "f" and plain.dtype.itemsize <= np.dtype(np.float64).itemsize:
        is_exact = raw.dtype != object or np.abs(rows).max() <= _LARGEST_EXACT
        return [] if is_exact else features
    if plain.dtype.kind not in "biu":
        return features
    lost = _num_distinct(np.moveaxis(plain[:, features], 1, 0).reshape(rows.shape)) > _num_distinct(rows)
    return [feature for feature, is_lost in zip(features, lost.tolist(), strict=True) if is_lost]


def _num_distinct(rows: Array) -> Array:
    """Return the number of distinct values in each row."""
    ordered = np.sort(rows, axis=1)
    return (ordered[:, 1:] != ordered[:, :-1]).sum(axis=1)


def _distinct(raw: Any, known: Array) -> int | None:
    """Return the number of distinct values of `raw` where `known`; None if its type cannot merge any."""
    if isinstance(raw, np.ndarray) and raw.dtype.kind != "O":
        is_wider = raw.dtype.kind in "iu" or raw.dtype.itemsize > np.dtype(np.float64).itemsize
        return len(np.unique(raw[known])) if is_wider else None
    values = list(raw.series.filter(known)) if isinstance(raw, TextColumn) else _present_values(raw, known)
    if any(isinstance(value, str) for value in values):
        return _distinct_texts(set(map(str, values)))
    return len(set(values))


def _present_values(raw: Any, known: Array) -> list[Any]:
    return [value for value, there in zip(raw, known.tolist(), strict=True) if there]


def _distinct_texts(texts: Iterable[str]) -> int:
    """Return the number of distinct decimal numbers among texts; texts that are not plain decimals are skipped."""
    numbers = set()
    for text in texts:
        try:
            numbers.add(Decimal(text.strip()))
        except InvalidOperation:
            continue
    return len(numbers)


def _rounding_problem(distinct: int, num_left: int, example: float) -> Problem:
    return Problem(
        "DAT306",
        f"{distinct} different numbers become {num_left} in double precision (float64)",
        label="numbers such as these are rounded",
        notes=(f"near {example:.6g}, float64 numbers are {np.spacing(abs(example)):g} apart",),
        helps=(
            "subtract a constant from the data, such as the smallest number",
            "use `type: id` or `type: category` if the numbers are names",
        ),
    )
