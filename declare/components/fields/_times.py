"""Points in time: texts in the format of their column, numbers since 1970, NumPy times."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from declare.components.fields import _time_findings as findings
from declare.components.fields._number_texts import PLAIN, strip_texts
from declare.components.fields._numbers import Numbers, numbers
from declare.components.fields._values import Marks, mark_text, text_in, text_of
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array
from declare.contract.text_column import TextColumn

if TYPE_CHECKING:
    import polars as pl

ISO = "iso"
UNIX = {"unix_s": 10**6, "unix_ms": 10**3, "unix_us": 1, "unix_ns": 0}
"""Microseconds in a unit of time since 1970 (UTC); nanoseconds are divided."""
_LOOK = 200
_FARTHEST = 253_402_300_800e6
"""Microseconds from 1970 to the end of the year 9999."""
_ZONE = r"(Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)"
_ISO = rf"^(\d{{4}}-\d{{2}}-\d{{2}})(?:[T ](\d{{2}}:\d{{2}})(?::(\d{{2}})(?:[.,](\d{{1,9}}))?)?\s?{_ZONE}?)?$"
_DIRECTIVES = {
    "Y": r"\d{4}",
    **dict.fromkeys("mdHI", r"\d{1,2}"),
    **dict.fromkeys("yMS", r"\d{2}"),
    "j": r"\d{1,3}",
    "f": r"\d{1,9}",
    "p": "[AaPp][Mm]",
    "z": r"[+-]\d{2}:?\d{2}",
    "%": "%",
    "b": "[A-Za-z]{3}",
    "a": "[A-Za-z]{3}",
    "B": "[A-Za-z]{3,9}",
    "A": "[A-Za-z]{6,9}",
    "F": r"\d{4}-\d{2}-\d{2}",
    "T": r"\d{2}:\d{2}:\d{2}",
}
"""Format directives, with a regular expression for each."""
_DATES = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d.%m.%y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%y/%m/%d",
    "%d-%m-%y",
    "%m-%d-%y",
    "%y-%m-%d",
    "%d %b %Y",
    "%d %B %Y",
    "%d. %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d/%b/%Y",
)
_CLOCKS = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p")
_MONTHS = ("%Y-%m", "%Y/%m", "%Y.%m", "%m/%Y", "%m.%Y", "%m-%Y", "%b %Y", "%B %Y", "%b-%Y")
_OF_PROGRAMS = (
    *("%Y%m%dT%H%M%S", "%Y%m%d %H%M%S", "%Y%m%dT%H%M%S%z", "%Y/%m/%d %H:%M:%S %z", "%Y-%m-%d %I:%M:%S %p %z"),
    *(
        "%a, %d %b %Y %H:%M:%S %z",
        "%a %b %d %H:%M:%S %Y",
        "%d/%b/%Y:%H:%M:%S %z",
        "%A, %B %d, %Y",
        "%b %d %Y",
    ),
)
"""ISO 8601 basic format, and the formats of mail, C, web servers and long dates."""
_FORMATS = (
    *_DATES,
    *(f"{date} {clock}" for date in _DATES for clock in _CLOCKS),
    *(*_CLOCKS, *_MONTHS, *_OF_PROGRAMS),
)


_FIRST = frozenset({"0001-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "1970-01-01"})
_LAST = frozenset({"2099-12-31", "2999-12-31", "9999-01-01", "9999-12-31"})
"""Days that databases and spreadsheets contain for "no time"."""


class Times(NamedTuple):
    """Points in time [rows] as datetime64[us], NaT in gaps: in UTC if `zoned`, else local clock times.

    `others` are formats in which all texts are the same times, and other texts may be others. `dates` is
    true for times that are written, or stored, without a time of day.
    """

    moments: Array
    zoned: bool
    format: str
    unused: list[str]
    others: tuple[str, ...] = ()
    dates: Array = np.zeros(0, bool)


def unknown_directive(format_: str) -> str | None:
    """Return the first unsupported directive of a format, else None."""
    directives = (match[0] for match in re.finditer("%.?", format_) if match[0][1:] not in _DIRECTIVES)
    return next(directives, None)


def times(values: Any, missing: Iterable[Any], format_: str | None, others: Iterable[str] = ()) -> Times:
    """Return raw `values` as points in time; `format_` is the stated format, or None to infer it from all texts.

    In `others`, formats that fit the texts of `format_` as well, texts must be the same times or none.
    Raises `ProblemError` for the whole column: DAT382 for values that are not times; DAT383 if several
    formats fit and give different times, if numbers have no known unit, or if only some times have a UTC
    offset.
    """
    marks = Marks(missing)
    array = values if isinstance(values, np.ndarray) else None
    if array is not None and array.ndim == 1 and array.dtype.kind == "M":
        column = _apply_marks(
            Times(array.astype("datetime64[us]"), zoned=False, format=ISO, unused=[]), marks
        )
        days = np.datetime_data(array.dtype)[0] in "YMWD"
        return column._replace(dates=~np.isnat(column.moments) & days)
    if format_ in UNIX:
        return _since_1970(numbers(values, missing, PLAIN), values, format_)
    texts = _without_numbers(strip_texts(_column(values), list(marks.texts)), marks)
    name, others = (format_, tuple(others)) if format_ else _formats_of(texts)
    moments, zoned = _parse_times(texts, name)
    for other in others:
        _refuse_two_formats(texts, (name, moments), other)
    column = _apply_marks(Times(moments, zoned, name, [], others), marks, _used_marks(values, marks))
    return column._replace(dates=~np.isnat(column.moments) & ~_have_clock(texts, column.format))


def _have_clock(texts: pl.Series, format_: str) -> Array:
    """Return which texts of a format have a time of day."""
    if format_ == ISO:
        return texts.str.contains(":", literal=True).fill_null(value=True).to_numpy()
    return np.full(len(texts), bool(set(re.findall("%(.)", format_)) & set("HIT")))


def suspected_marks(moments: Array) -> dict[str, dict[str, list[Any]]]:
    """Return days that often mean "no time" and lie apart from all others, each with its count and their range.

    The result is the fact `suspected_marks`, as of numbers.
    """
    days = moments[~np.isnat(moments)].astype("datetime64[D]")
    marks: dict[str, list[Any]] = {}
    for end, sentinels in ((days.min(), _FIRST), (days.max(), _LAST)) if len(days) else ():
        others = days[days != end]
        if str(end) not in sentinels or len(others) < 2 or len(days) - len(others) < 2:
            continue
        low, high = others.min(), others.max()
        if min(abs(low - end), abs(high - end)) > 2 * (high - low):
            marks[str(end)] = [len(days) - len(others), str(low), str(high)]
    return {"suspected_marks": marks} if marks else {}


def _column(values: Any) -> TextColumn:
    if isinstance(values, TextColumn):
        return values
    spans = isinstance(values, np.ndarray) and values.dtype.kind == "m"  # which would be counts in a list
    rows = values.tolist() if hasattr(values, "tolist") and not spans else list(values)
    for row, value in enumerate(rows):
        if isinstance(value, list | dict | tuple | np.ndarray | bool | timedelta | np.timedelta64):
            raise ProblemError(findings.no_time(value, row))
    return TextColumn.of(text_in(value, row) for row, value in enumerate(rows))


def _used_marks(values: Any, marks: Marks) -> set[str]:
    """Return the texts of the column that are missing-value marks."""
    if not marks.stated:
        return set()
    seen = {text and text.strip() for text in _column(values).factorise()[0]}
    return {mark_text(mark) for mark in marks.stated} - set(marks.unused_in(seen))


def _apply_marks(column: Times, marks: Marks, used: set[str] | None = None) -> Times:
    """Set times to NaT at missing-value marks, and return the marks that never occur."""
    moments, unused = column.moments, []
    gaps = bool(np.isnat(moments).any())
    for mark in marks.stated:
        there = moments == _moment(mark)
        moments = np.where(there, np.datetime64("NaT", "us"), moments)
        occurs = there.any() or (text_of(mark) is None and gaps) or mark_text(mark) in (used or ())
        if not occurs:
            unused.append(mark_text(mark))
    return column._replace(moments=moments.astype("datetime64[us]"), unused=unused)


def _moment(mark: Any) -> Any:
    """Return a missing-value mark as a time in ISO 8601; NaT if it is not a time."""
    if not isinstance(mark, str) or not re.fullmatch(_ISO, mark):
        return np.datetime64("NaT", "us")
    return _iso(TextColumn.of([mark]).series)[0][0]


def _without_numbers(texts: pl.Series, marks: Marks) -> pl.Series:
    """Return texts with gaps in place of numbers that are missing-value marks."""
    import polars as pl

    if not marks.numbers:
        return texts
    number = pl.col("text").cast(pl.Float64, strict=False)
    gone = number.is_in([float(mark) for mark in marks.numbers]).fill_null(value=False)
    return texts.to_frame("text").select(pl.when(~gone).then(pl.col("text")).alias("text")).to_series()


def _since_1970(numbers: Numbers, values: Any, name: str) -> Times:
    """Return numbers since 1970 as times, integers exactly; raises DAT382 after the year 9999."""
    unit = UNIX[name]
    gone = np.isnan(numbers.values)
    wrong = ~gone & ~(np.abs(numbers.values * (unit or 0.001)) < _FARTHEST)
    if wrong.any():
        row = int(wrong.argmax())
        raise ProblemError(findings.too_far(f"{numbers.values[row]:.15g}", row, name))
    if isinstance(values, np.ndarray) and values.dtype.kind in "iu":
        whole = np.where(gone, 0, values).astype(np.int64)
        micro = whole * unit if unit else whole // 1000
    else:
        micro = np.rint(np.where(gone, 0, numbers.values) * (unit or 0.001)).astype(np.int64)
    moments = np.where(gone, np.datetime64("NaT", "us"), micro.astype("datetime64[us]"))
    dates = np.zeros(len(moments), bool)
    return Times(moments.astype("datetime64[us]"), True, name, numbers.unused, dates=dates)


def _formats_of(texts: pl.Series) -> tuple[str, tuple[str, ...]]:
    """Return the format of all texts and others that fit as well; ISO 8601 if it fits, or if there are no texts."""
    if _fits(texts, ISO):
        return ISO, ()
    few = texts.drop_nulls().unique(maintain_order=True).head(_LOOK)
    fitting = [name for name in _FORMATS if _fits(few, name) and _fits(texts, name)]
    if not fitting:
        raise ProblemError(_not_one_format(texts))
    return fitting[0], tuple(fitting[1:])


def _refuse_two_formats(texts: pl.Series, known: tuple[str, Array], other: str) -> None:
    """Raise `ProblemError` DAT383 for a text that is another time in another format."""
    first, moments = known
    other_moments = _moments(texts, other)[0]
    differs = (other_moments != moments) & ~np.isnat(other_moments)
    if differs.any():
        row = int(differs.argmax())
        readings = {first: str(moments[row]), other: str(other_moments[row])}
        raise ProblemError(findings.two_formats(str(texts[row]), row, readings))


def _not_one_format(texts: pl.Series) -> Problem:
    """Return the problem of texts without a known format, or of a column in which only some texts have one."""
    import polars as pl

    known = texts.drop_nulls().head(_LOOK)
    if not known.str.contains(r"\d").any():
        return findings.no_format(texts)
    unparsed_counts = {name: int(np.isnat(_moments(known, name)[0]).sum()) for name in (ISO, *_FORMATS)}
    name = min(unparsed_counts, key=lambda name: unparsed_counts[name])
    if unparsed_counts[name] * 2 > known.len():
        return findings.no_format(texts)
    wrong = np.isnat(_moments(texts, name)[0]) & texts.is_not_null().to_numpy()
    return findings.not_times(texts.filter(pl.Series(wrong)), int(wrong.argmax()), name)


def _fits(texts: pl.Series, name: str) -> bool:
    if name != ISO and not texts.str.contains(_pattern(name)).all():
        return False
    return bool(np.isnat(_moments(texts, name)[0]).sum() == texts.null_count())


def _parse_times(texts: pl.Series, name: str) -> tuple[Array, bool]:
    """Return times and whether they have a UTC offset; raises `ProblemError` for texts of another format."""
    moments, zoned = _moments(texts, name)
    wrong = np.isnat(moments) & texts.is_not_null().to_numpy()
    if wrong.any():
        import polars as pl

        raise ProblemError(findings.not_times(texts.filter(pl.Series(wrong)), int(wrong.argmax()), name))
    if zoned.any() and not zoned.all():
        known = texts.is_not_null().to_numpy()
        rows = [int((mask & known).argmax()) for mask in (zoned, ~zoned)]
        if (~zoned & known).any():
            raise ProblemError(findings.mixed_zones([str(texts[row]) for row in rows], max(rows)))
    return moments, bool(zoned.any())


def _moments(texts: pl.Series, name: str) -> tuple[Array, Array]:
    """Return times, NaT for texts that do not fit, and which of them have a UTC offset."""
    if name == ISO:
        return _iso(texts)
    import polars as pl

    fits = texts.str.contains(_pattern(name)).fill_null(value=False)
    whole, layout = _complete_dates(texts, name)
    layout = layout.replace(".%f", "%.f").replace("%f", "%9f")
    series = whole.str.to_datetime(layout, strict=False, time_unit="us")
    if "%z" in name:
        series = series.dt.replace_time_zone(None)
    kept = pl.DataFrame({"time": series, "fits": fits}).select(pl.when("fits").then("time")).to_series()
    return kept.to_numpy(), np.full(len(texts), "%z" in name) & kept.is_not_null().to_numpy()


def _complete_dates(texts: pl.Series, name: str) -> tuple[pl.Series, str]:
    """Return texts and their format, with 1 January 1970 for the parts of the date that they lack."""
    import polars as pl

    has = {match[1] for match in re.finditer("%(.)", name)}
    date = [
        ("1970", "%Y", has & set("YyF")),
        ("01", "%m", has & set("mbBjF")),
        ("01", "%d", has & set("djF")),
    ]
    lacking = [(value, directive) for value, directive, stated in date if not stated]
    clock = [] if has & set("HIT") else [("00:00", "%H:%M")]
    before = " ".join(value for value, _ in [*lacking, *clock])
    layout = " ".join(directive for _, directive in [*lacking, *clock])
    if not before:
        return texts, name
    whole = texts.to_frame("text").select(pl.lit(before + " ") + pl.col("text")).to_series()
    return whole, f"{layout} {name}"


def _pattern(name: str) -> str:
    """Return the regular expression of texts in a format."""
    parts = re.split(r"(%.)", name)
    return "^" + "".join(_DIRECTIVES[part[1]] if part[:1] == "%" else re.escape(part) for part in parts) + "$"


def _iso(texts: pl.Series) -> tuple[Array, Array]:
    import polars as pl

    names = ("date", "clock", "second", "fraction", "offset")
    groups = texts.str.extract_groups(_ISO).struct.unnest()
    frame = groups.rename(dict(zip(groups.columns, names, strict=True)))
    whole = pl.concat_str(
        "date",
        pl.lit("T"),
        pl.col("clock").fill_null("00:00"),
        pl.lit(":"),
        pl.col("second").fill_null("00"),
        pl.lit("."),
        pl.col("fraction").fill_null("0"),
    )
    time = whole.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="us")
    digits = pl.col("offset").str.replace(":", "", literal=True)
    hours, rest = (digits.str.slice(place, 2).cast(pl.Int64, strict=False) for place in (1, 3))
    minutes = hours * 60 + rest.fill_null(0)
    signed = pl.when(digits.str.starts_with("-")).then(-minutes).otherwise(minutes).fill_null(0)
    table = frame.select(
        (time - pl.duration(minutes=signed)).dt.cast_time_unit("us").alias("time"),
        pl.col("offset").is_not_null().alias("zoned"),
    )
    return table["time"].to_numpy(), table["zoned"].to_numpy()


def is_clock(name: str) -> bool:
    """Return whether a format has a time of day but no date."""
    return name in _CLOCKS


def is_month(name: str) -> bool:
    """Return whether a format has a month but no day."""
    directives = set(re.findall("%(.)", name))
    return bool(directives & set("mbB")) and not directives & set("djF")


def is_year(name: str) -> bool:
    """Return whether a format has only a year."""
    return set(re.findall("%(.)", name)) in ({"Y"}, {"y"})
