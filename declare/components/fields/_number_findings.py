"""Problems of number columns: texts that are not numbers, or that have two readings."""

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
_SIGNS = frozenset("+-<>=~\u00b1\u2212\u2248\u2264\u2265")
"""Signs next to a number that are not units: without them, the number is another."""
_SHOWN, _LOOK = 6, 1000


def two_ways(text: str, row: int, readings: Mapping[str, float]) -> Problem:
    """Return the problem that a text is another number if the decimal mark is another."""
    notes = tuple(
        f"with `{mark}` as the decimal mark it is {number:.15g}" for mark, number in readings.items()
    )
    return Problem(
        "DAT376",
        f"`{text[:24]}` can be read as two numbers, and so can the rest of its column",
        label="which mark is the decimal mark?",
        notes=notes,
        helps=('state `decimal: ","` or `decimal: "."` in the field',),
        row=row,
    )


def mixed_marks(texts: pl.Series) -> Problem:
    """Return the problem that a column contains points and commas, and nothing shows which is the decimal mark."""
    rows = [
        int(texts.str.contains(mark, literal=True).fill_null(value=False).arg_max() or 0) for mark in ".,"
    ]
    one, other = (str(texts[row])[:20] for row in sorted(rows))
    return Problem(
        "DAT376",
        f"one column uses two decimal marks: `{one}` and `{other}`",
        label="which mark is the decimal mark?",
        helps=(
            "write all numbers in one way",
            'or state both marks: `decimal: ","` and `thousands: "."`, or the reverse',
        ),
        row=max(rows),
    )


def not_numbers(bad: pl.Series, row: int, stated_unit: str) -> Problem:
    """Return the problem of a column with texts that are not numbers; what they have in common decides the helps."""
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
        remedy = "write negative numbers with a minus sign: `-5`, not `(5)`"
    if not remedy:
        remedy = _about_values(shown, distinct)
    notes = () if bad.len() == 1 else (f"not numbers: {_list_examples(shown, distinct)}",)
    return Problem(code, title, label="a number is needed", notes=notes, helps=(remedy,), row=row)


def _about_values(shown: Mapping[str, int], distinct: int) -> str:
    if distinct > len(shown):
        return "write all of them as `1234.5`, without other signs, or use `type: category`"
    marks = ", ".join(f'"{text[:24]}"' for text in shown)
    them = "it" if distinct == 1 else "them"
    return f"list {them} under the field's `missing: [{marks}]`, or use `type: category`"


def _about_unit(stated: str, unit: str | None) -> str:
    if stated:
        return f"write `{stated}` after every number, or after none and remove `unit`"
    return f'state `unit: "{unit}"`: the numbers are then read in that unit'


def _common_unit(texts: pl.Series) -> str | None:
    """Return the unit that precedes or follows the digits of every text: `%`, `$`, `kg`."""
    units: set[str] = set()
    for text in texts.unique().head(_LOOK).to_list():
        match = _AFFIX.fullmatch(text)
        if match is None or (match[1] and match[2]):
            return None
        units.add(match[1] or match[2])
    unit = next(iter(units)) if len(units) == 1 else ""
    return unit if unit and not _SIGNS & set(unit) else None


def _list_examples(shown: Mapping[str, int], distinct: int) -> str:
    parts = [f"`{text[:24]}`" + (f" ({times} times)" if times > 1 else "") for text, times in shown.items()]
    return ", ".join(parts) + (f" and {distinct - len(shown)} others" if distinct > len(shown) else "")
