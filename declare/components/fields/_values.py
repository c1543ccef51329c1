"""Raw values as texts: the same text for a value from every source, missing values, natural order."""

import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC
from decimal import Decimal
from typing import Any

from declare.contract.code import Code, RawColumn
from declare.contract.problem import Problem, ProblemError
from declare.system import secrets

Scalar = int | float | str | bool
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
            text.encode("utf-8")  # half of a surrogate pair is not a text
        return str(text) if text else None
    kind = kind_of(value)
    if isinstance(value, bool) or kind == "b":
        return "true" if value else "false"
    if isinstance(value, int) or kind in ("i", "u"):
        return str(int(value))
    return _of_float(value) if isinstance(value, float) or kind == "f" else _of_other(value)


def kind_of(value: Any) -> str:
    """Return the letter of NumPy's kind of an array or scalar; empty for values of other types."""
    return str(getattr(getattr(value, "dtype", None), "kind", ""))


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


def no_text(value: bytes | str, row: int) -> Problem:
    """Return the problem that a value is not UTF-8 text."""
    return Problem(
        "DAT311",
        f"`{value[:16]!r}` is not UTF-8 text",
        label="read as text",
        helps=("store texts as UTF-8, or as numbers",),
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


def twice(names: Iterable[Any], at: str, keys: Sequence[str] = ()) -> Iterable[Problem]:
    """Yield a problem for a class stated twice: as a text, a number or a boolean with the same text.

    `keys` are their places below `at`, if they are in a mapping.
    """
    seen: set[str | None] = set()
    for place, name in enumerate(names):
        text = text_of(name)
        if text in seen or text is None:
            yield Problem(
                "DAT388",
                f"class `{str(text)[:24]}` is stated twice" if text else "a class name cannot be empty",
                at=f"{at}.{keys[place] if keys else place}",
                label="names of classes are texts",
                helps=("remove one of them, or write both in quotes: YAML reads 007 as the number 7",)
                if text
                else ("remove it: empty values are missing",),
            )
        seen.add(text)


def to_list(values: Any) -> list[Any]:
    """Return the values of an array or another sequence as a list; times stay what they are."""
    if kind_of(values) in ("m", "M"):
        return list(values) if values.ndim == 1 else list(map(list, values))  # numpy's own are counts
    return values.tolist() if hasattr(values, "tolist") else list(values)


def index_code(name: str, texts: Sequence[str], raw: RawColumn) -> Code:
    """Return code that gives each value of a column the index of its text, -1 where it is missing.

    A value that is neither raises `KeyError` there.
    """
    constant = f"{name.upper()}_CLASSES"
    missing = [value for value, place in raw.encoded.items() if place < 0]
    marks = missing if raw.kind == "array" else [None, *missing]
    values = f"{raw.code}.tolist()" if raw.kind == "array" else raw.code
    if any(str(value) != texts[int(place)] for value, place in raw.encoded.items() if place >= 0):
        known = {value: int(place) for value, place in raw.encoded.items()} | dict.fromkeys(marks, -1)
        value = "value"
        if raw.dtype.startswith("float"):
            known, value = known | {None: -1}, "value if value == value else None"
        return Code(
            f"np.array([{constant}[{value}] for value in {values}])", definitions=(f"{constant} = {known!r}",)
        )
    lines: tuple[str, ...] = (f"index = {{text: number for number, text in enumerate({constant})}}",)
    if marks:
        lines += (f"index |= dict.fromkeys({marks!r}, -1)",)
    known_as = (
        "value"
        if raw.kind == "texts" or all(isinstance(value, str) for value in raw.encoded)
        else "str(value)"
    )
    value = f"value if value in {marks!r} else {known_as}" if marks and known_as != "value" else known_as
    definition = f"{constant} = {tuple(texts)!r}"
    return Code(f"np.array([index[{value}] for value in {values}])", lines, definitions=(definition,))
