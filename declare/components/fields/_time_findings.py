"""Problems of time columns: values that are not times, or that have two readings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from declare.contract.problem import Problem

if TYPE_CHECKING:
    import polars as pl

_SHOWN = 6


def no_time(value: Any, row: int) -> Problem:
    """Return the problem that a sample is not a single time."""
    return Problem(
        "DAT382",
        f"`{str(value)[:24]}` is not a time",
        label="one time for each sample is needed",
        helps=(
            "store one time for each sample, or use `type: vector` or `type: series` for several numbers",
        ),
        row=row,
    )


def not_times(bad: pl.Series, row: int, name: str) -> Problem:
    """Return the problem of texts that do not have the format of their column."""
    shown = bad.value_counts(sort=True, name="number").head(_SHOWN).rows()
    first = str(bad[0])[:24]
    title = (
        f"`{first}` is not a time"
        if bad.len() == 1
        else f"{bad.len()} values such as `{first}` are not times"
    )
    what = {"iso": "ISO 8601 (2024-01-31T23:59:00)"}.get(name, name)
    marks = ", ".join(f'"{str(text)[:24]}"' for text, _ in shown)
    return Problem(
        "DAT382",
        title,
        label="a time is needed",
        notes=(f"the format of the column is {what}",),
        helps=(f'list texts that mean "no time" under `missing: [{marks}]`, or state another `format`',),
        row=row,
    )


def no_format(texts: pl.Series) -> Problem:
    """Return the problem that no known format fits all texts of a column."""
    import polars as pl

    known = texts.drop_nulls()
    first = str(known[0])[:24]
    row = int(texts.is_not_null().arg_max() or 0)
    if bool(known.cast(pl.Float64, strict=False).is_not_null().all()):
        return Problem(
            "DAT383",
            f"`{first}` is a number, but its unit and origin are not known",
            label="unit and origin?",
            helps=("state `format: unix_s` (`unix_ms`, `unix_us`, `unix_ns`), a pattern, or `type: number`",),
            row=row,
        )
    return Problem(
        "DAT382",
        f"texts such as `{first}` have no known format",
        label="read as times",
        helps=(
            ('state `format`, such as `%d.%m.%Y %H:%M`, or list texts that mean "no time" under `missing`'),
        ),
        row=row,
    )


def too_far(text: str, row: int, name: str) -> Problem:
    """Return the problem that a number since 1970, in its unit, is after the year 9999."""
    return Problem(
        "DAT382",
        f"`{text}` as `{name}` is after the year 9999",
        label="read as a time",
        helps=("state the unit of the numbers: `unix_s`, `unix_ms`, `unix_us` or `unix_ns`",),
        row=row,
    )


def two_formats(text: str, row: int, readings: Mapping[str, str]) -> Problem:
    """Return the problem that a column fits two formats that give different times."""
    return Problem(
        "DAT383",
        f"`{text[:32]}` can be read as two times, and so can the rest of its column",
        label="which part is the day, which the month?",
        notes=tuple(f"as {name} it is {time}" for name, time in readings.items()),
        helps=(" or ".join(f'state `format: "{name}"`' for name in readings),),
        row=row,
    )


def mixed_zones(texts: Sequence[str], row: int) -> Problem:
    """Return the problem that only some times of a column have a UTC offset."""
    return Problem(
        "DAT383",
        f"`{texts[0][:28]}` has a UTC offset, `{texts[1][:28]}` has none",
        label="in which time zone are these times?",
        helps=("give every time a UTC offset, or none",),
        row=row,
    )


def other_zones(zoned: bool) -> Problem:
    """Return the problem that times have a UTC offset but the training data had none, or the reverse."""
    has, had = ("have an offset", "had none") if zoned else ("have no offset", "had one")
    return Problem(
        "DAT383",
        f"these times {has}, but those of the training data {had}",
        label="in which time zone are these times?",
        helps=("write times like the training data",),
    )
