"""Raw values as texts: the same text for a value from every source, missing values, natural order."""

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
"""Bytes of a float -> the largest integer up to which every integer is exact."""
_NOTHING = {"NaT", "<NA>"}
"""Texts that NumPy and pandas write for a missing value."""
_LARGEST_WHOLE = float(2**63)
"""Above this, a float's digits may differ from those of the number that was stored."""
_PLAIN_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]*)?")


def text_of(value: Any) -> str | None:
    """Return the text of a value; None if it is missing (None, NaN, NaT, an empty text).

    Texts are unchanged; booleans are `true` and `false`, as in JSON; numbers have the shortest text that
    parses to the same number, integers without a point (1.0 is `1`); times are ISO 8601. Raises ValueError
    for bytes and texts that are not UTF-8.
    """
    if value is None or isinstance(value, str | bytes):
        text = value.decode("utf-8") if isinstance(value, bytes) else value
        if text and not text.isascii():
            text.encode("utf-8")  # half a character of two is no text
        return str(text) if text else None
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if isinstance(value, bool) or kind == "b":
        return "true" if value else "false"
    if isinstance(value, int) or kind in ("i", "u"):
        return str(int(value))
    return _of_float(value) if isinstance(value, float) or kind == "f" else _of_other(value)


def text_in(value: Any, row: int) -> str | None:
    """Return the text of a row's value; raises `ProblemError` DAT311 for what is not UTF-8."""
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
    """The missing-value marks that a field lists under `missing`.

    A numeric mark matches every text of that number (`-999` matches `-999.0`, but not `-0999`); any other
    mark matches its text, with or without surrounding spaces. Empty values are always missing.
    """

    def __init__(self, missing: Iterable[Any]) -> None:
        self.stated = list(missing)
        numeric = [mark for mark in self.stated if _is_number(mark)]
        self.numbers: list[int | float] = [mark for mark in numeric if not math.isnan(mark)]
        self.texts = {str(text_of(mark)) for mark in self.stated if text_of(mark) is not None}

    def __contains__(self, text: str | None) -> bool:
        """Return whether a text is a missing-value mark."""
        if text is None or text in self.texts or text.strip() in self.texts:
            return True
        return bool(self.numbers and _PLAIN_NUMBER.fullmatch(text) and float(text) in self.numbers)

    def unused_in(self, texts: Iterable[str | None]) -> list[str]:
        """Return the marks that match none of the raw `texts`; marks for empty values are never among them."""
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
    """Return a mark as a spec writes it, with the name of a variable in place of its value."""
    return (
        f'"{secrets.hide_values(mark)}"'
        if isinstance(mark, str)
        else "null"
        if mark is None
        else str(text_of(mark))
    )


def flat(values: Any) -> Any:
    """Return an array [rows, 1] as [rows]; other values unchanged."""
    return values[:, 0] if getattr(values, "ndim", 1) == 2 and values.shape[1] == 1 else values


class Factor(NamedTuple):
    """Distinct texts of a column, None if missing; the index [rows] of each row's text; marks that never occur."""

    texts: list[str | None]
    codes: Array
    unused: list[str]

    def present(self) -> list[str]:
        """Return the occurring texts, in natural order."""
        return in_order(text for text in self.texts if text is not None)

    def num_missing(self) -> int:
        """Return the number of rows without a value."""
        import numpy as np

        gone = np.array([text is None for text in self.texts], bool)
        return int(gone[self.codes].sum()) if len(self.codes) else 0


def factorise(values: Any, missing: Iterable[Any]) -> Factor:
    """Return the distinct texts of a column and their indices.

    Raises `ProblemError` DAT319 if a sample holds more than one value, DAT377 if values of different types
    have the same text, DAT311 for bytes that are not UTF-8.
    """
    values = flat(values)
    raw, codes = _distinct(values)
    texts = [
        text_in(value, _first(codes, index)) if isinstance(value, bytes | str) else text_of(value)
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
    """Return `factorise` of all list entries, and the row of each entry; a row of None has none."""
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
    """Return the distinct values of a column and the index of each row's value; true, 1 and 1.0 are distinct."""
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
    """Raise DAT377 if `true` and "true", or 7 and "7", occur in one column."""
    seen: dict[str, tuple[str, int]] = {}
    for index, (value, text) in enumerate(zip(raw, texts, strict=True)):
        if text is None:
            continue
        kind = _kind(value)
        other, _ = seen.setdefault(text, (kind, index))
        if other != kind:
            raise ProblemError(_two_types(text, (other, kind), _first(codes, index)))


def _refuse_merged(raw: Sequence[Any], codes: Array) -> None:
    """Raise DAT384 for a float so large that it may stand for several integers."""
    for index, value in enumerate(raw):
        exact = isinstance(value, float) or getattr(getattr(value, "dtype", None), "kind", "") == "f"
        if exact and _EXACT[getattr(value, "itemsize", 8)] < abs(value) < math.inf:
            raise ProblemError(_merged_names_problem(value, _first(codes, index)))


def _merged_names_problem(value: Any, row: int) -> Problem:
    return Problem(
        "DAT384",
        f"`{value}` is a float that stands for several neighbouring integers",
        label="names that may have merged",
        notes=(
            (
                "floats of this type represent integers exactly up to "
                f"{_EXACT[getattr(value, 'itemsize', 8)]:,}"
            ),
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
        f"`{text[:24]}` occurs in one column as a {kinds[0]} and as a {kinds[1]}",
        label="two types in one column",
        notes=("both would become the same class",),
        helps=(f"write it as a {kinds[0]} everywhere, or as a {kinds[1]} everywhere",),
        row=row,
    )


def no_text(value: bytes | str, row: int) -> Problem:
    """Return the problem that a value is not UTF-8 text."""
    return Problem(
        "DAT311",
        f"`{value[:16]!r}` is not UTF-8 text",
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
        "a sample contains several values, but one name or class is needed",
        label="read as one value",
        helps=("use `labels` for several classes, `vector` for several numbers",),
        row=row,
    )


def number_of(text: str) -> float | None:
    """Return the number that a text represents; None if it is not a number."""
    try:
        number = float(text)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def in_order(texts: Iterable[str]) -> list[str]:
    """Return distinct texts in natural order: numbers by size, then other texts alphabetically."""

    def key(text: str) -> tuple[int, float, str]:
        number = number_of(text)
        return (1, 0.0, text) if number is None else (0, number, text)

    return sorted(set(texts), key=key)


def index_of(texts: Iterable[Any]) -> dict[str, int]:
    """Return a mapping from the text of a value to its index."""
    return {str(text_of(value)): index for index, value in enumerate(texts)}


_ONCE = "remove one of them, or write both in quotes: YAML reads 007 as the number 7"


def twice(names: Iterable[Any], at: str) -> Iterable[Problem]:
    """Yield a problem for a class stated twice: as a text, a number or a boolean with the same text."""
    seen: set[str | None] = set()
    for place, name in enumerate(names):
        text = text_of(name)
        if text in seen or text is None:
            yield Problem(
                "DAT388",
                f"class `{str(text)[:24]}` is stated twice" if text else "a class name cannot be empty",
                at=f"{at}.{place}",
                label="names of classes are texts",
                helps=("remove one of them, or write both in quotes: YAML reads 007 as the number 7",)
                if text
                else ("remove it: empty values are missing",),
            )
        seen.add(text)


def to_list(values: Any) -> list[Any]:
    """Return the values of an array or another sequence as a list."""
    return values.tolist() if hasattr(values, "tolist") else list(values)
