"""Raw values of a column as texts: one text for a value whatever the source, which are missing, their order."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from typing import Any, NamedTuple

from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array
from declare.contract.text_column import TextColumn
from declare.system import secrets

Scalar = int | float | str | bool
_EXACT = {2: 2**11, 4: 2**24, 8: 2**53, 16: 2**53}
"""Bytes of a float -> the whole number up to which it holds every one."""
_NOTHING = {"NaT", "<NA>"}
"""What NumPy and pandas write for no value."""
_LARGEST_WHOLE = float(2**63)
"""Beyond it the digits of a float are not those of the number that was meant."""
_PLAIN_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]*)?")


def text_of(value: Any) -> str | None:
    """Return the one text of a value, None where there is none (None, NaN, NaT, an empty text).

    Texts are their own; booleans are `true` and `false`, as in JSON; numbers have the shortest text that reads back
    as the same number, whole ones no point (1.0 is `1`); times are ISO 8601. Raises ValueError for bytes that are no
    UTF-8.
    """
    if value is None or isinstance(value, str | bytes):
        text = value.decode("utf-8") if isinstance(value, bytes) else value
        return str(text) if text else None
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if isinstance(value, bool) or kind == "b":
        return "true" if value else "false"
    if isinstance(value, int) or kind in ("i", "u"):
        return str(int(value))
    return _of_float(value) if isinstance(value, float) or kind == "f" else _of_other(value)


def text_in(value: Any, row: int) -> str | None:
    """Return the text of a value of a row; raises `ProblemError` DAT311 for bytes that are no text."""
    try:
        return text_of(value)
    except ValueError:
        raise ProblemError(no_text(value, row)) from None


def _of_float(value: Any) -> str | None:
    if math.isnan(value):
        return None
    if abs(float(value)) < _LARGEST_WHOLE and float(value).is_integer():
        return str(int(value))
    return str(value)


def _of_other(value: Any) -> str | None:
    if isinstance(value, Decimal):
        return f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}"
    if getattr(value, "tzinfo", None) is not None:
        value = value.astimezone(UTC)
    text = str(value.isoformat()) if hasattr(value, "isoformat") else str(value)
    if text in _NOTHING:
        return None
    # A time has one text, whatever the digits that its type writes.
    return re.sub(r"(T[0-9:]+)(\.[0-9]*?)0+(?=$|[+-])", r"\1\2", text).replace(".+", "+").removesuffix(".")


class Marks:
    """The values that a field lists under `missing`.

    A mark that is a number stands for every text of that number (`-999` for `-999.0`, not for `-0999`), any other
    one for its text, with or without spaces around it. What is empty is missing in any case.
    """

    def __init__(self, missing: Iterable[Any]) -> None:
        self.stated = list(missing)
        numeric = [mark for mark in self.stated if _is_number(mark)]
        self.numbers: list[int | float] = [mark for mark in numeric if not math.isnan(mark)]
        self.texts = {str(text_of(mark)) for mark in self.stated if text_of(mark) is not None}

    def __contains__(self, text: str | None) -> bool:
        """Whether a text stands for no value."""
        if text is None or text in self.texts or text.strip() in self.texts:
            return True
        return bool(self.numbers and _PLAIN_NUMBER.fullmatch(text) and float(text) in self.numbers)

    def unused_in(self, texts: Iterable[str | None]) -> list[str]:
        """Return the marks that stand for none of the raw `texts`; those for what is empty are never among them."""
        seen = {
            text.strip() or None if text is not None and text not in self.texts else text for text in texts
        }
        numbers = {float(text) for text in seen if text is not None and _PLAIN_NUMBER.fullmatch(text)}
        return [
            mark_text(mark)
            for mark in self.stated
            if text_of(mark) not in {None, *seen} and not (_is_number(mark) and float(mark) in numbers)
        ]


def _is_number(mark: object) -> bool:
    return isinstance(mark, int | float) and not isinstance(mark, bool)


def mark_text(mark: Any) -> str:
    """Return a mark as a spec writes it, the name of a variable in the place of its value."""
    return (
        f'"{secrets.hide_values(mark)}"'
        if isinstance(mark, str)
        else "null"
        if mark is None
        else str(text_of(mark))
    )


def flat(values: Any) -> Any:
    """Return an array [rows, 1] as [rows], anything else as it is."""
    return values[:, 0] if getattr(values, "ndim", 1) == 2 and values.shape[1] == 1 else values


class Factor(NamedTuple):
    """Distinct texts of a column, None for missing ones; the index [rows] of each row's; marks that never occur."""

    texts: list[str | None]
    codes: Array
    unused: list[str]

    def present(self) -> list[str]:
        """Return the texts that occur, in natural order."""
        return in_order(text for text in self.texts if text is not None)

    def num_missing(self) -> int:
        """Return how many rows hold no value."""
        import numpy as np

        gone = np.array([text is None for text in self.texts], bool)
        return int(gone[self.codes].sum()) if len(self.codes) else 0


def factorise(values: Any, missing: Iterable[Any]) -> Factor:
    """Return a column as its distinct texts and their indices.

    Raises `ProblemError` DAT319 where a sample holds more than one value, DAT377 where values of different types have
    one text, DAT311 for bytes that are no text.
    """
    values = flat(values)
    raw, codes = _distinct(values)
    texts = [
        text_in(value, _first(codes, index)) if isinstance(value, bytes) else text_of(value)
        for index, value in enumerate(raw)
    ]
    if not isinstance(values, TextColumn):
        _refuse_one_text_of_two_types(raw, texts, codes)
        _refuse_merged(raw, codes)
    marks = Marks(missing)
    return Factor(
        [None if text in marks else text for text in texts],
        codes,
        marks.unused_in(texts) if marks.stated else [],
    )


def factorise_lists(rows: Sequence[Any], missing: Iterable[Any]) -> tuple[Factor, Array]:
    """Return the entries of lists as `factorise` does, and the row that each stands in; a row of None has none."""
    import numpy as np

    owners = np.repeat(np.arange(len(rows)), [len(row or ()) for row in rows])
    try:
        return factorise([item for row in rows for item in row or ()], missing), owners
    except ProblemError as error:
        problems = (
            replace(item, row=None if item.row is None else int(owners[item.row])) for item in error.problems
        )
        raise ProblemError(*problems) from None


def _distinct(values: Any) -> tuple[list[Any], Array]:
    """Return the distinct values of a column, and the index of each row's; true, 1 and 1.0 are distinct."""
    import numpy as np

    if isinstance(values, TextColumn):
        return values.factorise()
    if isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "fiubMm":
        kept, codes = np.unique(values, return_inverse=True)
        return list(kept), codes
    rows = values.tolist() if hasattr(values, "tolist") else list(values)
    try:
        several = len(set(map(type, rows)) - {type(None)}) > 1
        keys: list[Any] = list(zip(map(type, rows), rows, strict=True)) if several else rows
        index = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    except TypeError:
        raise ProblemError(_several(rows)) from None
    codes = np.fromiter(map(index.__getitem__, keys), np.int64, len(keys))
    return [key[1] for key in index] if several else list(index), codes


def _first(codes: Array, index: int) -> int:
    return int((codes == index).argmax())


def _refuse_one_text_of_two_types(raw: Sequence[Any], texts: Sequence[str | None], codes: Array) -> None:
    """Raise DAT377 where `true` and "true", or 7 and "7", stand in one column."""
    seen: dict[str, tuple[str, int]] = {}
    for index, (value, text) in enumerate(zip(raw, texts, strict=True)):
        if text is None:
            continue
        kind = _kind(value)
        other, _ = seen.setdefault(text, (kind, index))
        if other != kind:
            raise ProblemError(_two_types(text, (other, kind), _first(codes, index)))


def _refuse_merged(raw: Sequence[Any], codes: Array) -> None:
    """Raise DAT384 for a float so large that whole numbers beside it have become the same one."""
    for index, value in enumerate(raw):
        exact = isinstance(value, float) or getattr(getattr(value, "dtype", None), "kind", "") == "f"
        if exact and _EXACT[getattr(value, "itemsize", 8)] < abs(value) < math.inf:
            raise ProblemError(_merged_names_problem(value, _first(codes, index)))


def _merged_names_problem(value: Any, row: int) -> Problem:
    return Problem(
        "DAT384",
        f"`{value}` is a float: whole numbers beside it are the same one",
        label="names that may have merged",
        notes=(
            f"floats of this type tell whole numbers apart up to {_EXACT[getattr(value, 'itemsize', 8)]:,}",
        ),
        helps=("store names as text, or as integers",),
        row=row,
    )


def _kind(value: Any) -> str:
    if isinstance(value, str | bytes):
        return "text"
    if isinstance(value, bool) or getattr(getattr(value, "dtype", None), "kind", "") == "b":
        return "boolean"
    return "number" if isinstance(value, int | float | Decimal) or hasattr(value, "dtype") else "value"


def _two_types(text: str, kinds: tuple[str, str], row: int) -> Problem:
    return Problem(
        "DAT377",
        f"`{text[:24]}` stands in one column as a {kinds[0]} and as a {kinds[1]}",
        label="one type for a column",
        notes=("as classes the two would be one",),
        helps=(f"write it everywhere as a {kinds[0]}, or everywhere as a {kinds[1]}",),
        row=row,
    )


def no_text(value: bytes, row: int) -> Problem:
    """Return the finding that bytes are no text."""
    return Problem(
        "DAT311",
        f"`{value[:16]!r}` is no UTF-8 text",
        label="read as text",
        helps=("store texts as UTF-8, or as numbers",),
        row=row,
    )


def _several(rows: list[Any]) -> Problem:
    row = next(
        row
        for row, value in enumerate(rows)
        if hasattr(value, "__len__") and not isinstance(value, str | bytes)
    )
    return Problem(
        "DAT319",
        "a sample holds several values, one name or class is needed",
        label="read as one value",
        helps=("use `labels` for several classes, `vector` for several numbers",),
        row=row,
    )


def number_of(text: str) -> float | None:
    """Return the number that a text is, None where it is none."""
    try:
        number = float(text)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def in_order(texts: Iterable[str]) -> list[str]:
    """Return distinct texts in natural order: numbers by size before texts by alphabet."""

    def key(text: str) -> tuple[int, float, str]:
        number = number_of(text)
        return (1, 0.0, text) if number is None else (0, number, text)

    return sorted(set(texts), key=key)


def index_of(texts: Iterable[Any]) -> dict[str, int]:
    """Return text of a value -> index."""
    return {str(text_of(value)): index for index, value in enumerate(texts)}


_ONCE = "remove one of them, or write both in quotes: YAML reads 007 as the number 7"


def twice(names: Iterable[Any], at: str) -> Iterable[Problem]:
    """Yield a class that is stated twice: as a text, a number or a boolean of the same text."""
    seen: set[str | None] = set()
    for place, name in enumerate(names):
        text = text_of(name)
        if text in seen or text is None:
            yield Problem(
                "DAT388",
                f"class `{str(text)[:24]}` is stated twice" if text else "an empty text is no class",
                at=f"{at}.{place}",
                label="names of classes are texts",
                helps=("remove one of them, or write both in quotes: YAML reads 007 as the number 7",)
                if text
                else ("remove it: what is empty is missing",),
            )
        seen.add(text)


def to_list(values: Any) -> list[Any]:
    """Return the values of an array or another sequence as a list."""
    return values.tolist() if hasattr(values, "tolist") else list(values)
