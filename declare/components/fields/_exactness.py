"""Whether double precision keeps apart what a column holds."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np

from declare.contract.problem import Problem, ProblemError
from declare.contract.text_column import TextColumn

Array = np.ndarray[Any, Any]
_NARROW = 2.0**-32
"""A range this small beside the numbers may be lost to the rounding of doubles."""


def refuse_merged(raw: Any, found: Array) -> None:
    """Raise `ProblemError` DAT306 where different numbers of `raw` are one in `found`, the same as float64.

    Rounding that is small beside the range of the column merges nothing worth telling and passes.
    """
    known = np.isfinite(found)
    if not is_narrow(found):
        return
    kept = found[known]
    distinct = _distinct(raw, known)
    left = len(np.unique(kept))
    if distinct is not None and distinct > left:
        raise ProblemError(_merged(distinct, left, float(kept[0])))


def is_narrow(values: Array) -> bool:
    """Return whether the range of finite numbers is so small beside them that doubles may merge some."""
    kept = values[np.isfinite(values)]
    if not kept.size:
        return False
    low, high = float(kept.min()), float(kept.max())
    # Halves: the range of the largest doubles is none.
    return max(abs(low), abs(high)) > 0 and high / 2 - low / 2 < _NARROW / 2 * max(abs(low), abs(high))


def _distinct(raw: Any, known: Array) -> int | None:
    """Return how many different numbers `raw` holds where `known`; None where its form merges none."""
    if isinstance(raw, np.ndarray) and raw.dtype.kind != "O":
        return len(np.unique(raw[known])) if raw.dtype.kind in "iu" else None
    values = list(raw.series.filter(known)) if isinstance(raw, TextColumn) else _chosen(raw, known)
    if any(isinstance(value, str) for value in values):
        return _distinct_texts(set(map(str, values)))
    return len(set(values))


def _chosen(raw: Any, known: Array) -> list[Any]:
    return [value for value, there in zip(raw, known.tolist(), strict=True) if there]


def _distinct_texts(texts: Iterable[str]) -> int:
    """Return how many different decimal numbers texts write; what is none in plain notation is left out."""
    found = set()
    for text in texts:
        try:
            found.add(Decimal(text.strip()))
        except InvalidOperation:
            continue
    return len(found)


def _merged(distinct: int, left: int, example: float) -> Problem:
    return Problem(
        "DAT306",
        f"{distinct} different numbers become {left} in double precision",
        label="numbers such as these are rounded",
        notes=(f"about {example:.6g}, doubles are {np.spacing(abs(example)):g} apart",),
        helps=(
            "subtract a constant in the data, such as the smallest number",
            "use `type: id` or `type: category` if they are names",
        ),
    )
