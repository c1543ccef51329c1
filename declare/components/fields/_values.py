"""Raw values of a column: which are missing, and their order as class names."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from declare.contract.problem import Problem, ProblemError

Scalar = int | float | str | bool


def plain(value: Any) -> Scalar | None:
    """Return a scalar as a plain value: whole floats as integers, NaN as None, bytes as text."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return int(value) if value.is_integer() else value
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def missing_test(missing: Iterable[Any]) -> set[str]:
    """Return the texts that stand for a missing value; None and NaN always do."""
    return {str(plain(value)) for value in missing if plain(value) is not None}


def column(values: Any, missing: Iterable[Any]) -> list[Scalar | None]:
    """Return a column as plain values, None where missing.

    Raises `ProblemError` DAT319 where a sample holds more than one value.
    """
    rows = values.tolist() if hasattr(values, "tolist") else list(values)
    gone = missing_test(missing)
    tidy: dict[Any, Scalar | None] = {}
    try:
        for value in set(rows):
            found = plain(value)
            tidy[value] = None if found is None or str(found) in gone else found
    except TypeError:
        raise ProblemError(_several(rows)) from None
    return [tidy[value] for value in rows]


def _several(rows: list[Any]) -> Problem:
    row = next(number for number, value in enumerate(rows) if isinstance(value, list | dict | tuple | set))
    return Problem(
        "DAT319",
        "a sample holds several values, one name or class is needed",
        label="read as one value",
        helps=("use `labels` for several classes, `vector` for several numbers",),
        row=row,
    )


def _number(value: Scalar) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def in_order(values: Iterable[Scalar]) -> list[Scalar]:
    """Return distinct values in natural order: numbers by size before texts by alphabet."""
    distinct = {str(value): value for value in values}

    def key(text: str) -> tuple[int, float, str]:
        number = _number(distinct[text])
        return (1, 0.0, text) if number is None or math.isnan(number) else (0, number, text)

    return [distinct[text] for text in sorted(distinct, key=key)]


def index_of(values: Sequence[Scalar]) -> dict[str, int]:
    """Return value as text -> index."""
    return {str(value): index for index, value in enumerate(values)}
