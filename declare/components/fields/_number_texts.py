"""Numbers written as texts: the notation that a column uses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from declare.components.fields import _number_findings as findings
from declare.contract.problem import ProblemError
from declare.contract.shapes import Array
from declare.contract.text_column import TextColumn

if TYPE_CHECKING:
    import polars as pl

_SPACES = "[\u00a0\u2007\u2009\u202f]"
_INVISIBLE = "[\u200b\u200e\u200f\u2060\ufeff]"
_LOOK = 1000
"""Number of texts that are tried first; notations that fail there are not tried on the whole column."""
_EXPONENT = r"([eE][+-]?[0-9]+)?"
_HEXADECIMAL = r"^0[xX]([0-9a-fA-F]{1,13})$"
_GROUPED = r"^[+-]?[1-9][0-9]{0,2}\.[0-9]{3}$"
_FEW_DIGITS = r"^[+-]?[0-9]{1,3}$"
_LEAST_GROUPED = 2
"""Number of different texts such as `1.250` that may be grouped digits."""


class Notation(NamedTuple):
    """How numbers are written: decimal mark, thousands mark, unit."""

    decimal: str = "."
    thousands: str = ""
    unit: str = ""
    boolean: bool = False

    def parse(self, texts: pl.Series) -> pl.Series:
        """Return float64 [rows], null for texts that are not numbers in this notation."""
        return texts.to_frame("text").select(self._number().alias("number")).to_series()

    def code(self, text: str) -> str:
        """Return the code of the number in a text, which is in this notation."""
        if self.boolean:
            return f'{{"true": 1.0, "false": 0.0}}[str({text}).strip().lower()]'
        changes = {self.unit: "", self.thousands: "", self.decimal: "."}
        for old, new in changes.items():
            if old and old != new:
                text += f".replace({old!r}, {new!r})"
        return f"float({text})"

    def _number(self) -> pl.Expr:
        import polars as pl

        text = pl.col("text")
        if self.boolean:
            low = text.str.to_lowercase()
            return pl.when(low == "true").then(1.0).when(low == "false").then(0.0)
        if self.unit:
            unit = re.escape(self.unit)
            before = rf"^([+-]?)\s*{unit}\s*(.*)$"
            text = pl.coalesce(
                text.str.extract(before, 1) + text.str.extract(before, 2),
                text.str.extract(rf"^(.*?)\s*{unit}$", 1),
            )
        if not self.thousands and self.decimal == ".":
            digits = text.str.extract(_HEXADECIMAL, 1).str.to_integer(base=16, strict=False)
            return pl.coalesce(text.cast(pl.Float64, strict=False), digits.cast(pl.Float64))
        point = re.escape(self.decimal)
        group = rf"[0-9]{{1,3}}({re.escape(self.thousands)}[0-9]{{3}})+|" if self.thousands else ""
        fits = text.str.contains(rf"^[+-]?(({group}[0-9]+)({point}[0-9]*)?|{point}[0-9]+){_EXPONENT}$")
        bare = text.str.replace_all(self.thousands, "", literal=True) if self.thousands else text
        number = bare.str.replace(self.decimal, ".", literal=True).cast(pl.Float64, strict=False)
        return pl.when(fits).then(number)

    def is_evident(self, texts: pl.Series) -> bool:
        """Return whether a text shows both marks in use, if point and comma could be swapped."""
        if self.thousands not in (".", ","):
            return True
        group, point = re.escape(self.thousands), re.escape(self.decimal)
        return bool(texts.str.contains(rf"{group}[0-9]{{3}}({group}|{point})").any())

    def differs(self) -> bool:
        """Return whether the notation differs from the usual one (`1234.5`)."""
        return self._replace(unit="") != Notation()

    def example(self) -> str:
        """Return 1234.5 in this notation, the form that facts store."""
        if self.boolean:
            return "true"
        return f"1{self.thousands}234{self.decimal}5"


class NumberNotation(NamedTuple):
    """What the spec states about the notation; None for what is inferred from the data."""

    decimal: str | None = None
    thousands: str | None = None
    unit: str = ""

    def allows(self, notation: Notation) -> bool:
        """Return whether a notation agrees with the spec."""
        if notation.boolean:
            return self == NumberNotation()
        return self.decimal in (None, notation.decimal) and self.thousands in (None, notation.thousands)


PLAIN = Notation()
TRUTH = Notation(boolean=True)
_OTHERS = (
    TRUTH,
    Notation(","),
    *(
        Notation(decimal, thousands)
        for decimal in ".,"
        for thousands in (" ", "'", ".", ",")
        if decimal != thousands
    ),
)
_BY_EXAMPLE = {item.example(): item for item in (PLAIN, *_OTHERS)}
"""Notations by their form in facts."""


def notation_called(example: str | None, stated: NumberNotation) -> Notation:
    """Return the notation of a form in facts, `1234.5` by default, with the stated unit."""
    return (PLAIN if example is None else _BY_EXAMPLE[example])._replace(unit=stated.unit)


def strip_texts(column: TextColumn, gone: Sequence[str]) -> pl.Series:
    """Return texts stripped of spaces and invisible characters; null for empty texts and missing-value marks."""
    import polars as pl

    text = pl.col("text").str.strip_chars()
    frame = column.series.to_frame("text")
    if column.series.str.contains(f"{_SPACES}|{_INVISIBLE}|[\u2212\u2019]").any():
        text = text.str.replace_all(_INVISIBLE, "").str.replace_all(_SPACES, " ").str.strip_chars()
        text = text.str.replace("^\u2212", "-").str.replace_all(r"(\d)\u2019(\d)", "$1'$2")
    empty = text.is_in(["", *(mark.strip() for mark in gone)])
    return frame.select(pl.when(~empty).then(text).alias("text")).to_series()


def numbers_of(texts: pl.Series, notation: Notation) -> Array:
    """Return float64 [rows] of stripped texts, NaN in gaps.

    Raises `ProblemError` for the whole column, at its first wrong row: DAT318 for texts that are not numbers,
    DAT376 if a unit or the decimal mark must be stated.
    """
    values = notation.parse(texts)
    wrong = values.is_null() & texts.is_not_null()
    if not wrong.any():
        return np_array(values)
    bad, row = texts.filter(wrong), int(wrong.arg_max() or 0)
    commas = (item for item in _OTHERS if item.decimal == "," or item.thousands == ",")
    if (
        notation == PLAIN
        and bad.len() < texts.count()
        and any(not item.parse(bad).null_count() for item in commas)
    ):
        raise ProblemError(findings.mixed_marks(texts))
    raise ProblemError(findings.not_numbers(bad, row, notation.unit))


def np_array(values: pl.Series) -> Array:
    """Return numbers with NaN in gaps."""
    return values.fill_null(float("nan")).to_numpy()


def refuse_grouped(texts: pl.Series) -> None:
    """Raise `ProblemError` DAT376 if points may group digits: `950` and `1.250`, but no `1250` and no `1.5`."""
    grouped = texts.str.contains(_GROUPED)
    if not (grouped | texts.str.contains(_FEW_DIGITS)).all() or grouped.all():
        return
    if texts.filter(grouped).n_unique() >= _LEAST_GROUPED:
        row = int(grouped.arg_max() or 0)
        number = float(texts[row])
        raise ProblemError(findings.two_ways(str(texts[row]), row, {".": number, ",": number * 1000}))


def notation_of(texts: pl.Series, stated: NumberNotation) -> Notation:
    """Return the notation in which all texts are numbers; the first that `stated` allows if there are no texts.

    Raises `ProblemError` DAT376 if several notations fit and give different numbers, or if one fits but no
    text shows whether the point or the comma is the decimal mark.
    """
    allowed = [item._replace(unit=stated.unit) for item in (PLAIN, *_OTHERS) if stated.allows(item)]
    first = allowed[0]
    if first == PLAIN and stated.decimal is None:
        refuse_grouped(texts)
    if first.parse(texts).null_count() == texts.null_count():
        return first
    few = texts.head(_LOOK)
    likely = [item for item in allowed[1:] if item.parse(few).null_count() == few.null_count()]
    read = {item: item.parse(texts) for item in likely}
    fitting = {item: values for item, values in read.items() if values.null_count() == texts.null_count()}
    if not fitting:
        return first
    one = next(iter(fitting))
    for other, values in fitting.items():
        if not values.equals(fitting[one]):
            row = int((values != fitting[one]).fill_null(value=False).arg_max() or 0)
            readings = {one.decimal: fitting[one][row], other.decimal: values[row]}
            raise ProblemError(findings.two_ways(str(texts[row]), row, readings))
    if stated.decimal is None and not any(item.is_evident(texts) for item in fitting):
        raise ProblemError(findings.mixed_marks(texts))
    return one
