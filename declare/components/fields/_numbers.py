"""Arrays of numbers: reading texts, missing values, statistics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from declare.components.fields._values import missing_test, plain
from declare.contract.problem import Problem, ProblemError

Array = np.ndarray[Any, Any]
_LARGEST = float(np.finfo(np.float32).max)
"""Fields are float32: what is larger becomes infinite."""


def numbers(values: Any, missing: Iterable[Any] = ()) -> Array:
    """Return `values` as float64 with NaN where missing.

    Raises `ProblemError` DAT318 for what is no number, with its row.
    """
    array = np.asarray(values) if not isinstance(values, list) or _regular(values) else None
    if array is not None and array.ndim != 1:
        raise ProblemError(_no_array(0, "number", f"is an array of shape {array.shape[1:]}"))
    if array is not None and array.dtype.kind in "fiub":
        return _without(array.astype(np.float64), missing)
    gone = missing_test(missing) | {""}
    found = np.full(len(values), np.nan)
    for row, value in enumerate(plain(item) for item in values):
        if value is None or str(value).strip() in gone:
            continue
        try:
            found[row] = float(value)
        except ValueError:
            raise ProblemError(_no_number(value, row)) from None
    return found


def _regular(values: list[Any]) -> bool:
    return all(isinstance(value, int | float) for value in values)


def _without(array: Array, missing: Iterable[Any]) -> Array:
    marks = [mark for mark in missing if isinstance(mark, int | float) and mark == mark]  # noqa: PLR0124
    if marks:
        array[np.isin(array, marks)] = np.nan
    return array


def _no_number(value: object, row: int) -> Problem:
    return Problem(
        "DAT318",
        f"`{str(value)[:40]}` is not a number",
        label="a number is needed here",
        helps=(f"list `{str(value)[:40]}` under the field's `missing`, or use `type: category`",),
        row=row,
    )


def statistics(array: Array) -> dict[str, float | int | None]:
    """Return minimum, maximum, mean and std of the finite values, and the number of infinite ones."""
    kept = array[np.isfinite(array)]
    infinite = int((np.abs(array) > _LARGEST).sum())
    if not kept.size:
        return {"num_nonfinite": infinite}
    return {
        "minimum": float(kept.min()),
        "maximum": float(kept.max()),
        "mean": float(kept.mean(dtype=np.float64)),
        "std": float(kept.std(dtype=np.float64)),
        "num_nonfinite": infinite,
    }


def stack(values: Any, rank: int, what: str) -> Array | list[Array]:
    """Return samples of `rank` axes as one float32 array [rows, ...], or a list where their sizes differ.

    Raises `ProblemError` DAT319 where a sample has another number of axes or holds no numbers.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiub" and values.ndim == rank + 1:
        return values.astype(np.float32, copy=False)
    samples = []
    for row, value in enumerate(values):
        try:
            found = np.asarray(value)
            sample = found.astype(np.float32) if found.dtype.kind not in "cUS" else None
        except (TypeError, ValueError):
            sample = None
        if sample is None:
            raise ProblemError(_no_array(row, what, "holds values that are not real numbers"))
        if sample.ndim != rank:
            raise ProblemError(
                _no_array(
                    row,
                    what,
                    f"has {sample.ndim} {'axis' if sample.ndim == 1 else 'axes'}, a {what} has {rank}",
                )
            )
        samples.append(sample)
    if len({sample.shape for sample in samples}) == 1:
        return np.stack(samples)
    return samples


def _no_array(row: int, what: str, because: str) -> Problem:
    return Problem(
        "DAT319", f"a sample {because}", label=f"read as {what}", helps=("use another field type",), row=row
    )
