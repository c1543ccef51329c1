"""What is said of a column of texts that are no numbers, or that could be other numbers as well."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from declare.contract.problem import Problem

if TYPE_CHECKING:
    import polars as pl

_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*|\d{1,2}:\d{2}(:\d{2})?.*")
_AFFIX = re.compile(r"([^\d\s+\-.,]*)\s*[+-]?\d[\d.,' ]*(?:[eE][+-]?\d+)?\s*([^\d\s]*)")
_BRACKETS = re.compile(r"\([\d.,' ]+\)")
_SHOWN, _LOOK = 6, 1000


def two_ways(text: str, row: int, readings: Mapping[str, float]) -> Problem:
    """Return the finding that a text is another number with another mark before decimals."""
    notes = tuple(f"with `{mark}` before decimals it is {number:.15g}" for mark, number in readings.items())
    return Problem(
        "DAT376",
        f"`{text[:24]}` may be one of two numbers, and so all of its column",
        label="which mark stands before decimals?",
        notes=notes,
        helps=('state `decimal: ","` or `decimal: "."` in the field',),
        row=row,
    )


def mixed_marks(texts: pl.Series) -> Problem:
    """Return the finding that a column holds points and commas, and nothing says which stand before decimals."""
    rows = [
        int(texts.str.contains(mark, literal=True).fill_null(value=False).arg_max() or 0) for mark in ".,"
    ]
    one, other = (str(texts[row])[:20] for row in sorted(rows))
    return Problem(
        "DAT376",
        f"decimals of one column: `{one}` beside `{other}`",
        label="which mark stands before decimals?",
        helps=(
            "write all numbers in one way",
            'or say what the marks mean: `decimal: ","` and `thousands: "."`, or the other way round',
        ),
        row=max(rows),
    )


def not_numbers(bad: pl.Series, row: int, stated_unit: str) -> Problem:
    """Return the finding for a column with texts that are no numbers: what they have in common names the remedy."""
    counted = bad.value_counts(sort=True, name="number").head(_SHOWN)
    shown = {str(text): int(times) for text, times in counted.rows()}
    distinct = int(bad.n_unique())
    first = str(bad[0])[:40]
    alone = distinct == 1
    title = f"`{first}` is not a number" if alone else f"{bad.len()} values such as `{first}` are not numbers"
    unit = _common_unit(bad)
    code, remedy = ("DAT376", _about_unit(stated_unit, unit)) if stated_unit or unit else ("DAT318", "")
    if not remedy and all(_DATE.fullmatch(text) for text in shown):
        remedy = "use `type: datetime` for times"
    if not remedy and all(_BRACKETS.fullmatch(text) for text in shown):
        remedy = "write numbers below zero with a minus: `-5`, not `(5)`"
    if not remedy:
        marks = ", ".join(f'"{text[:24]}"' for text in shown)
        them = "it" if alone else "them"
        remedy = f"list {them} under the field's `missing: [{marks}]`, or use `type: category`"
    notes = () if bad.len() == 1 else (f"not numbers: {_list_examples(shown, distinct)}",)
    return Problem(code, title, label="a number is needed here", notes=notes, helps=(remedy,), row=row)


def _about_unit(stated: str, unit: str | None) -> str:
    if stated:
        return f"write `{stated}` beside every number, or beside none and without `unit`"
    return f'state `unit: "{unit}"`: the number beside it is then read, in that unit'


def _common_unit(texts: pl.Series) -> str | None:
    """Return what stands before or behind the digits of every text: `%`, `$`, `kg`."""
    units: set[str] = set()
    for text in texts.unique().head(_LOOK).to_list():
        match = _AFFIX.fullmatch(text)
        if match is None or (match[1] and match[2]):
            return None
        units.add(match[1] or match[2])
    return (next(iter(units)) or None) if len(units) == 1 else None


def _list_examples(shown: Mapping[str, int], distinct: int) -> str:
    parts = [f"`{text[:24]}`" + (f" ({times} times)" if times > 1 else "") for text, times in shown.items()]
    return ", ".join(parts) + (f" and {distinct - len(shown)} others" if distinct > len(shown) else "")
