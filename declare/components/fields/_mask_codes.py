"""Codes of mask pixels, integers or colours, and the class index of each."""

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array

Value = int | str


UNLABELLED = -1


COLOURS = 1 << 40
"""Codes from here on are colours: red, green, blue and alpha, one byte each."""


_HEX = re.compile(r"#([0-9a-fA-F]{6})([0-9a-fA-F]{2})?")


_TABLE = 1 << 16
"""Codes below this are mapped to classes with a lookup table."""


_WHITES = (1, 255, 65535)
"""The value of white with 1, 8 and 16 bits."""


def whites(codes: Sequence[int]) -> tuple[int, ...]:
    """Return which maximum values of 1, 8 and 16 bits occur, if at least two of them do and nothing else but 0."""
    white_codes = tuple(code for code in _WHITES if code in codes)
    return white_codes if len(white_codes) > 1 and set(codes) <= {0, *white_codes} else ()


def is_colour(value: object) -> bool:
    """Return whether a stated value is a colour: `#rrggbb`, or `#rrggbbaa` if it is not opaque."""
    return isinstance(value, str) and _HEX.fullmatch(value) is not None


def code_of(value: Value) -> int:
    """Return the code of an integer or colour."""
    if not isinstance(value, str):
        return int(value)
    match = _HEX.fullmatch(value)
    assert match is not None, "checked if it is stated"
    return COLOURS + int(match[1] + (match[2] or "ff"), 16)


def value_of(code: int) -> Value:
    """Return the integer or colour of a code."""
    if code < COLOURS:
        return code
    text = f"#{code - COLOURS:08x}"
    return text.removesuffix("ff") if text.endswith("ff") else text


def indices_of(codes: Array, classes: Mapping[int, int], row: int) -> Array:
    """Return class indices [rows, height, width] of codes; raises `ProblemError` DAT301 for an unknown code."""
    narrow = codes.dtype.kind == "u"
    least, largest = (0, _TABLE - 1) if narrow else (int(codes.min(initial=0)), int(codes.max(initial=0)))
    if least >= UNLABELLED and largest < _TABLE:
        table = np.full(largest + 2, -2, np.int64)
        for code, index in classes.items():
            if UNLABELLED <= code <= largest:
                table[code] = index  # -1 is the last place
        indices = table[codes]
    else:
        known = np.array(sorted(classes), np.int64)
        places = np.searchsorted(known, codes).clip(0, len(known) - 1)
        order = np.array([classes[int(code)] for code in known], np.int64)
        indices = np.where(known[places] == codes, order[places], -2)
    if indices.min(initial=0) == -2:
        first = int(np.flatnonzero((indices == -2).reshape(len(codes), -1).any(axis=1))[0])
        raise ProblemError(_no_class(int(codes[indices == -2][0]), classes, row + first))
    return indices


def to_values(indices: Array, codes: Sequence[int]) -> Array:
    """Return class indices as the values of masks: integers [...], or colours [..., 3 or 4] as bytes."""
    values = np.asarray(codes, np.int64)[indices]
    if max(codes) < COLOURS:
        smallest = np.min_scalar_type(max(codes)) if min(codes) >= 0 else np.int64
        return values.astype(smallest)
    planes = np.stack([(values >> shift) & 255 for shift in (24, 16, 8, 0)], axis=-1).astype(np.uint8)
    return planes[..., :3] if all((code & 255) == 255 for code in codes) else planes


def format_values(codes: Iterable[int], most: int = 8) -> str:
    """Format values for a message."""
    texts = [str(value_of(code)) for code in codes]
    return ", ".join(texts[:most]) + (", ..." if len(texts) > most else "")


def _no_class(code: int, classes: Mapping[int, int], row: int) -> Problem:
    known = [item for item, index in classes.items() if index >= 0]
    several = list(whites([*known, code]))
    same = (
        f"if {format_values(several)} mean the same, say so: `classes: {{background: 0, object: {several}}}`",
    )
    return Problem(
        "DAT301",
        f"a mask contains the value {value_of(code)}, which is not one of the {len(known)} classes",
        label="these classes",
        notes=(f"the classes are {format_values(known)}",),
        helps=(
            *(same if several else ()),
            "list values to ignore under `void`, or state all classes: `classes: {name: value, ...}`",
        ),
        row=row,
    )
