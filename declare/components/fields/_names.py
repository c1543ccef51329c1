"""Names of classes and groups: the distinct texts of a column, of values that have one text in every source."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any, NamedTuple
from uuid import UUID

from declare.components.fields._values import Marks, flat, in_order, kind_of, no_text, text_of, to_list
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array
from declare.contract.text_column import TextColumn

_EXACT = {2: 2**11, 4: 2**24, 8: 2**53, 16: 2**53}
"""Bytes of a float -> the largest integer up to which every integer is exact."""
_KINDS = frozenset("biufSUmM")
"""Kinds of NumPy's values that have a text."""
_NAMES = (str, bytes, bool, int, float, Decimal, UUID, date, time, timedelta, PurePath)
_CALENDAR = frozenset({"generic", "Y", "M", "W", "D"})
"""Units of NumPy's dates, which have no time of day."""


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


def factorise(values: Any, missing: Iterable[Any], *, of_times: bool = False) -> Factor:
    """Return the distinct texts of a column and their indices.

    Raises `ProblemError` DAT319 if a sample holds more than one value or one that has no text, DAT386 for times
    unless they are names here (`of_times`), DAT377 if values of different types have the same text, DAT311 for
    bytes that are not UTF-8.
    """
    values = flat(values)
    raw, codes = _distinct(values)
    if not of_times:
        _refuse_times(values, raw, codes)
    texts = [_text(value, codes, index) for index, value in enumerate(raw)]
    if not isinstance(values, TextColumn):
        _refuse_without_text(raw, texts, codes)
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
    rows = to_list(values)
    try:
        several = len(set(map(type, rows)) - {type(None)}) > 1
        keys: list[Any] = list(zip(map(type, rows), rows, strict=True)) if several else rows
        index = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    except TypeError:
        raise ProblemError(_several(rows)) from None
    codes = np.fromiter(map(index.__getitem__, keys), np.int64, len(keys))
    return [key[1] for key in index] if several else list(index), codes


def _text(value: Any, codes: Array, index: int) -> str | None:
    """Return the text of a distinct value; raises `ProblemError` DAT311 for bytes and texts that are not UTF-8."""
    try:
        return text_of(value)
    except ValueError:
        if not isinstance(value, bytes | str):
            raise
        raise ProblemError(no_text(value, _first(codes, index))) from None


def _first(codes: Array, index: int) -> int:
    return int((codes == index).argmax())


def _refuse_times(values: Any, raw: Sequence[Any], codes: Array) -> None:
    """Raise DAT386 for times of day and time spans: every program writes them as another text."""
    if isinstance(values, TextColumn):
        index = next((index for index, value in enumerate(raw) if value), None) if values.of_times else None
    else:
        index = next((index for index, value in enumerate(raw) if _is_time(value)), None)
    if index is not None:
        raise ProblemError(_time_as_name(raw[index], _first(codes, index)))


def _is_time(value: Any) -> bool:
    """Return whether a value is a time or a time span; dates without a time of day are not."""
    kind = kind_of(value)
    if kind == "M":
        import numpy as np

        return bool(np.datetime_data(value.dtype)[0] not in _CALENDAR) and text_of(value) is not None
    return kind == "m" or (isinstance(value, datetime | time | timedelta) and text_of(value) is not None)


def _refuse_without_text(raw: Sequence[Any], texts: Sequence[str | None], codes: Array) -> None:
    """Raise DAT319 for complex numbers, records and objects: Python prints them, but has no text of them."""
    for index, value in enumerate(raw):
        is_name = isinstance(value, _NAMES) or kind_of(value) in _KINDS
        if texts[index] is not None and not is_name:
            raise ProblemError(_without_text(value, _first(codes, index)))


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
        exact = isinstance(value, float) or kind_of(value) == "f"
        if exact and _EXACT[_size(value)] < abs(value) < math.inf:
            raise ProblemError(_merged_names_problem(value, _first(codes, index)))


def _merged_names_problem(value: Any, row: int) -> Problem:
    return Problem(
        "DAT384",
        f"`{value}` is a float that stands for several neighbouring integers",
        label="names that may have merged",
        notes=((f"floats of this type represent integers exactly up to {_EXACT[_size(value)]:,}"),),
        helps=("store names as text, or as integers",),
        row=row,
    )


def _time_as_name(value: Any, row: int) -> Problem:
    text = str(text_of(value))
    return Problem(
        "DAT386",
        f"`{text[:40]}` is a time or a time span, which has no single text",
        label="read as a name",
        notes=(
            "programs write the same time as different texts, so that other files would have other names",
        ),
        helps=(
            "use `type: datetime` for points in time",
            "store names as text; days as dates (date32), which have one text",
        ),
        row=row,
    )


def _without_text(value: Any, row: int) -> Problem:
    is_complex = isinstance(value, complex) or kind_of(value) == "c"
    remedy = "store real and imaginary part as two columns of numbers" if is_complex else "store it as text"
    return Problem(
        "DAT319",
        f"a value of type `{type(value).__name__[:24]}` is not a name",
        label="read as one name or class",
        helps=(remedy,),
        row=row,
    )


def _size(value: Any) -> int:
    """Return the bytes of a float, of Python or NumPy."""
    return int(value.dtype.itemsize) if kind_of(value) else 8


def _kind(value: Any) -> str:
    if isinstance(value, str | bytes):
        return "text"
    if isinstance(value, bool) or kind_of(value) == "b":
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
