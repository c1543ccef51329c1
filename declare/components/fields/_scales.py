"""The values of black and white: by bit depth and type, by the range of a whole column, or as stated."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from declare.contract.problem import Problem, ProblemError, Rewrite
from declare.contract.shapes import Array

_CHUNK = 256
"""Number of samples of an array that are examined at a time."""
_SLACK = 1e-6
"""Fraction of a scale by which floats may exceed it: rounding error, far below one level."""
_BITS = (1, 8, 10, 12, 14, 16, 24, 32, 64)


class Scale(NamedTuple):
    """The values that become 0 and 255."""

    low: float
    high: float


BYTES, WORDS, UNIT = Scale(0, 255), Scale(0, 65535), Scale(0, 1)


class Span(NamedTuple):
    """Values of a column: smallest, largest, whether all are finite, and whether all are integers."""

    least: float
    largest: float
    finite: bool
    whole: bool


def own_scale(dtype: np.dtype[Any]) -> Scale | None:
    """Return the scale that a type implies: for bits, bytes and 16-bit words; None for wider and signed types."""
    if dtype.kind == "b":
        return UNIT
    if dtype.kind == "u" and dtype.itemsize <= 2:
        return BYTES if dtype.itemsize == 1 else WORDS
    return None


def span(arrays: Iterable[Array]) -> Span:
    """Return the `Span` of the values of numeric arrays."""
    least, largest, finite, whole = math.inf, -math.inf, True, True
    for array in arrays:
        for start in range(0, len(array), _CHUNK):
            part = array[start : start + _CHUNK]
            if not part.size:
                continue
            if part.dtype.kind == "f":
                part = part.astype(np.float64)
                known = np.isfinite(part)
                finite = finite and bool(known.all())
                part = part[known]
                whole = whole and bool((part == np.rint(part)).all())
            if part.size:
                least, largest = min(least, float(part.min())), max(largest, float(part.max()))
    return Span(least, largest, finite, whole)


def largest_of(arrays: Iterable[Array]) -> float | None:
    """Return the largest value of arrays, None if all values are equal."""
    extent = span(arrays)
    return extent.largest if extent.least < extent.largest else None


def scale_of_column(arrays: Sequence[Array]) -> Scale:
    """Return the scale of arrays whose type implies none, from the range of all of them.

    Integers in 0..255 are bytes; other floats in 0..1 are fractions. Raises `ProblemError` DAT390 for others.
    """
    extent = span(arrays)
    floats = any(array.dtype.kind == "f" for array in arrays)
    if not extent.finite:
        raise ProblemError(_not_finite())
    if floats and extent.least >= -_SLACK and extent.largest <= 1 + _SLACK:
        return UNIT
    if extent.whole and extent.least >= 0 and extent.largest <= BYTES.high:
        return BYTES
    raise ProblemError(_outside_problem(extent, UNIT if floats else BYTES))


def usual_scale(dtype: np.dtype[Any]) -> Scale:
    """Return the usual scale of a type, for a column that was not examined."""
    return own_scale(dtype) or (UNIT if dtype.kind == "f" else BYTES)


def refuse_beyond(scale: Scale, most: Scale | None, what: str) -> None:
    """Raise `ProblemError` DAT390 if a stated scale exceeds what a bit depth or type can represent."""
    if most is not None and not (most.low <= scale.low and scale.high <= most.high):
        raise ProblemError(
            Problem(
                "DAT390",
                f"`range` is {_format_scale(scale)}, but {what} can only hold {_format_scale(most)}",
                label="read on another scale",
                helps=("use images of one bit depth, or one field for each",),
            )
        )


def limits(dtype: np.dtype[Any]) -> Scale | None:
    """Return the smallest and largest value of an integer type; None for floats."""
    if dtype.kind == "b":
        return UNIT
    if dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        return Scale(int(bounds.min), int(bounds.max))
    return None


def to_bytes(values: Array, scale: Scale, *, stated: bool = False) -> Array:
    """Return pixels [rows, ...] as uint8; raises `ProblemError` DAT390 if some are outside the scale.

    By bit depth, integers up to 2**n - 1 keep their upper 8 bits; others are rounded. Floats that were
    inferred to be bytes must be integers, `stated` ones need not. A `scale.low` above `scale.high` inverts
    black and white.
    """
    if values.dtype == np.uint8 and scale == BYTES:
        return np.ascontiguousarray(values)
    if values.dtype.kind == "b" and scale == UNIT:
        return values.astype(np.uint8) * np.uint8(255)
    bounds = Scale(min(scale), max(scale))
    lies_on = partial(
        _lies_on,
        bounds=bounds,
        slack=_SLACK * (bounds.high - bounds.low) if values.dtype.kind == "f" else 0,
        whole=scale == BYTES and not stated,
    )
    bits = int(bounds.high).bit_length() if float(bounds.high).is_integer() else 0
    shifts = not stated and values.dtype.kind in "iu" and 8 < bits <= 16 and scale == (0, 2**bits - 1)
    pixels = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), _CHUNK):
        part = values[start : start + _CHUNK]
        if not lies_on(span([part])):
            raise ProblemError(_first_outside(part, lies_on, bounds, start))
        if shifts:
            pixels[start : start + _CHUNK] = part >> (bits - 8)
        else:
            shares = (part.astype(np.float64) - scale.low) / (scale.high - scale.low)
            pixels[start : start + _CHUNK] = np.rint(shares * 255)
    return pixels


def _first_outside(values: Array, lies_on: Callable[[Span], bool], bounds: Scale, start: int) -> Problem:
    """Return the problem of the first sample outside a scale; `start` is the row of the first sample."""
    row = next(row for row in range(len(values)) if not lies_on(span([values[row : row + 1]])))
    extent = span([values[row : row + 1]])
    return _with_row(_outside_problem(extent, bounds) if extent.finite else _not_finite(), start + row)


def _lies_on(extent: Span, *, bounds: Scale, slack: float, whole: bool) -> bool:
    if not extent.finite or (whole and not extent.whole):
        return False
    inside = extent.least >= bounds.low - slack and extent.largest <= bounds.high + slack
    return inside or extent.least > extent.largest


def _with_row(problem: Problem, row: int) -> Problem:
    return replace(problem, row=row)


def _not_finite() -> Problem:
    return Problem(
        "DAT390",
        "an image contains values that are not finite",
        label="read as pixels",
        notes=("NaN and infinity are not colours",),
        helps=("replace or remove them first: an image cannot have missing pixels",),
    )


def _outside_problem(extent: Span, scale: Scale) -> Problem:
    likely = likely_range(extent)
    word = "numbers that are not integers" if scale == BYTES and not extent.whole else "pixels"
    return Problem(
        "DAT390",
        f"{word} from {extent.least:.5g} to {extent.largest:.5g}, but the scale is {_format_scale(scale)}",
        label="pixels outside the scale",
        notes=("nothing is clipped: the values of black and white must be known",),
        helps=(f"state the values of black and white: `range: {_format_list(likely)}`",),
        rewrites=(Rewrite(f"set `range: {_format_list(likely)}`", "range", list(likely), safe=False),),
    )


def likely_range(extent: Span) -> Scale:
    """Return the narrowest usual scale that includes these values."""
    if extent.whole:
        for bits in _BITS:
            if extent.least >= 0 and extent.largest < 2**bits:
                return Scale(0, 2**bits - 1)
        for bits in _BITS[1:]:
            if extent.least >= -(2 ** (bits - 1)) and extent.largest < 2 ** (bits - 1):
                return Scale(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if extent.least >= -1 and extent.largest <= 1:
        return Scale(0 if extent.least >= 0 else -1, 1)
    if extent.least >= 0 and extent.largest <= BYTES.high:
        return BYTES
    return Scale(_round_outwards(extent.least, math.floor), _round_outwards(extent.largest, math.ceil))


def _round_outwards(value: float, way: Any) -> float:
    """Return a value rounded to two digits, away from the middle of the range."""
    if not value:
        return 0
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    rounded = way(value / unit) * unit
    return int(rounded) if float(rounded).is_integer() else round(rounded, 12)


def _format_scale(scale: Scale) -> str:
    return f"{scale.low:.5g} to {scale.high:.5g}"


def _format_list(scale: Scale) -> str:
    return f"[{scale.low:.10g}, {scale.high:.10g}]"
