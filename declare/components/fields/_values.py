"""Raw values of a column: which are missing, and their order as class names."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

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
    """Return a column as plain values, None where missing."""
    gone = missing_test(missing)
    tidy = (plain(value) for value in values)
    return [None if value is None or str(value) in gone else value for value in tidy]


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
