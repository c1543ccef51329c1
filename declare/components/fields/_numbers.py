"""Arrays of numbers: reading texts, missing values, statistics."""

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

import numpy as np

from declare.components.fields._number_texts import (
    PLAIN,
    TRUTH,
    Notation,
    NumberNotation,
    notation_of,
    numbers_of,
    refuse_grouped,
    strip_texts,
)
from declare.components.fields._values import Marks, mark_text, number_of, text_in, text_of
from declare.contract.moments import moments
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array
from declare.contract.text_column import TextColumn
from declare.system.out_of_memory import require_memory

_SINGLE = frozenset({"e", "f", "b", "B", "h", "H", "?"})
"""Codes of number types whose values are all exact in float32."""
_LARGE = 1 << 23
"""Size of a column from which its copies are checked against free memory."""
_LOWEST, _HIGHEST = frozenset({-9, -99, -999, -9999, -99999}), frozenset({99, 999, 9999, 99999, 999999})
"""Numbers that files contain for "missing"."""
_COPIES = 2
"""Number of copies of a column in memory while it is read, besides its array in the source."""
_ANOTHER_TYPE = "use another field type"
_TWO_PARTS = "store real and imaginary part, or amplitude and phase, as real numbers"


class Table(NamedTuple):
    """Numbers as float64 with NaN in gaps and at missing-value marks, and the marks that never occur."""

    values: Array
    unused: list[str]


class Numbers(NamedTuple):
    """Numbers [rows] of a column, float64 with NaN in gaps; the notation of its texts; marks that never occur."""

    values: Array
    notation: Notation
    unused: list[str]


def numbers(values: Any, missing: Iterable[Any], written: Notation | NumberNotation) -> Numbers:
    """Return raw `values` as numbers; `written` is a notation of texts, or the notations that the spec allows.

    Raises `ProblemError` DAT318 or DAT376 for texts that are not numbers or are ambiguous, DAT319 if a sample
    holds several values or if booleans occur among numbers.
    """
    marks = Marks(missing)
    if isinstance(values, TextColumn):
        return _of_texts(values, marks, written)
    array = values if isinstance(values, np.ndarray) else _array(list(values))
    if array.ndim != 1:
        raise ProblemError(_no_array(0, "number", f"is an array of shape {array.shape[1:]}"))
    if array.dtype.kind in "fiub":
        clean, unused = mask_marks(array, marks)
        return Numbers(clean, TRUTH if _is_truth(values) else PLAIN, unused)
    if array.dtype.kind in "mM":
        raise ProblemError(_a_time(array))
    if array.dtype.kind == "c":
        raise ProblemError(_a_complex_number(array[0], 0))
    return _of_values(array.tolist(), marks, written)


def _is_truth(values: Any) -> bool:
    """Return whether all values are booleans, so that another source may write them as texts."""
    if isinstance(values, np.ndarray):
        return values.dtype.kind == "b"
    kinds = set(map(type, values)) - {type(None)}
    return bool(kinds) and kinds <= {bool, np.bool_}


def _array(values: Any) -> Array:
    """Return an array of numbers if all values are numbers or None, else an array of objects."""
    kinds = set(map(type, values))
    numeric = kinds - {bool, np.bool_, type(None)}
    if kinds & {bool, np.bool_} and numeric and not any(issubclass(kind, str) for kind in kinds):
        row = next(row for row, value in enumerate(values) if isinstance(value, bool | np.bool_))
        raise ProblemError(_truth_among_numbers(values[row], row))
    if all(kind is type(None) or issubclass(kind, int | float | np.number | np.bool_) for kind in kinds):
        exact = type(None) not in kinds and not any(issubclass(kind, float | np.floating) for kind in kinds)
        return np.asarray(values) if exact and values else np.asarray(values, np.float64)
    array = np.empty(len(values), object)
    for row, value in enumerate(values):
        array[row] = value
    return array


def _of_values(values: list[Any], marks: Marks, written: Notation | NumberNotation) -> Numbers:
    """Parse the texts among values of other types, all of them together; numbers keep their value."""
    for row, value in enumerate(values):
        if isinstance(value, list | dict | tuple | np.ndarray):
            shape = np.shape(value) if not isinstance(value, dict) else ()
            raise ProblemError(_no_array(row, "number", f"is an array of shape {shape}"))
        if isinstance(value, complex):
            raise ProblemError(_a_complex_number(value, row))
    column = TextColumn.of(text_in(value, row) for row, value in enumerate(values))
    return _of_texts(column, marks, written)


def _of_texts(column: TextColumn, marks: Marks, written: Notation | NumberNotation) -> Numbers:
    words = [mark.strip() for mark in marks.stated if isinstance(mark, str)]
    is_plain = (
        written.allows(PLAIN) and not written.unit
        if isinstance(written, NumberNotation)
        else written == PLAIN
    )
    # A mark that is not a number matches no plain number, but texts that read as NaN and infinite.
    is_plain = is_plain and not any(part in word.lower() for word in words for part in ("nan", "inf"))
    plain = column.plain_numbers() if is_plain else None
    if plain is not None:
        if isinstance(written, NumberNotation) and written.decimal is None:
            refuse_grouped(strip_texts(column, words))
        clean, unused = mask_marks(plain, marks)
        return Numbers(clean, PLAIN, unused)
    texts = strip_texts(column, words)
    notation = notation_of(texts, written) if isinstance(written, NumberNotation) else written
    bare = column.series.str.strip_chars() if words else None
    used = set() if bare is None else set(bare.filter(bare.is_in(words)).unique().to_list())
    values, unused = mask_marks(numbers_of(texts, notation), marks, used)
    return Numbers(values, notation, unused)


def mask_marks(array: Array, marks: Marks, used: Collection[str] = ()) -> Table:
    """Return float64 with NaN at missing-value marks, and marks that never occur; `used` texts are gaps already.

    Marks for empty values (`""`, null, NaN) are never reported: empty values are always missing.
    """
    _require_room(array, 8)
    with np.errstate(over="ignore"):  # beyond the range of doubles is infinite, which is reported
        values, unused = array.astype(np.float64), list[str]()
    numbers_used = {number_of(text) for text in used} - {None}
    for mark in marks.stated:
        number = number_mark(mark)
        there = None if number is None else _equal(array, number)
        if there is not None:
            values[there] = np.nan
        among_used = (isinstance(mark, str) and mark.strip() in used) or number in numbers_used
        occurs = among_used or (there is not None and there.any())
        if not occurs and text_of(mark) is not None:
            unused.append(mark_text(mark))
    return Table(values, unused)


def _require_room(array: Array, width: int) -> None:
    """Raise MemoryError if the machine cannot hold a large column as numbers of `width` bytes."""
    if array.size >= _LARGE:
        require_memory(_COPIES * width * array.size, f"a column of {array.size:,} values")


def number_mark(mark: Any) -> float | int | None:
    """Return a missing-value mark as a number; None if it is not a number."""
    if isinstance(mark, bool) or mark is None:
        return None
    number = number_of(mark.strip()) if isinstance(mark, str) else mark
    return None if number is None or number != number else number  # noqa: PLR0124 - NaN


def _equal(array: Array, number: float) -> Array:
    if array.dtype.kind == "b":
        array = array.view(np.uint8)  # which a number of any size can be compared with
    if array.dtype.kind in "iu":
        return np.asarray(array == int(number)) if float(number).is_integer() else np.zeros(array.shape, bool)
    if array.dtype.kind != "f":
        return np.asarray(array == number)
    with np.errstate(over="ignore"):
        mark = array.dtype.type(number)
    return np.asarray(array == mark) if np.isfinite(mark) else np.zeros(array.shape, bool)


def _a_time(array: Array) -> Problem:
    span = array.dtype.kind == "m"
    return Problem(
        "DAT318",
        f"`{array[0]}` is a {'time span' if span else 'time'}, not a number",
        label="a number is needed",
        helps=("store it as a number in one unit, such as seconds",) if span else ("use `type: datetime`",),
        row=0,
    )


def _a_complex_number(value: Any, row: int) -> Problem:
    return Problem(
        "DAT318",
        f"`{value}` is a complex number",
        label="a real number is needed",
        helps=(_TWO_PARTS,),
        row=row,
    )


def _truth_among_numbers(value: object, row: int) -> Problem:
    return Problem(
        "DAT319",
        f"`{str(value).lower()}` occurs among numbers",
        label="read as numbers",
        helps=("write 1 and 0 for true and false, or use `type: category`",),
        row=row,
    )


def statistics(array: Array) -> dict[str, float | int | None]:
    """Return minimum, maximum, mean and std of the finite values, and the number of infinite ones."""
    summary = moments(array)
    if not summary.number:
        return {"num_nonfinite": summary.infinite}
    return {
        "minimum": summary.minimum,
        "maximum": summary.maximum,
        "mean": summary.mean,
        "std": summary.std,
        "num_nonfinite": summary.infinite,
    }


def suspected_marks(values: Array) -> dict[str, dict[str, list[float]]]:
    """Return numbers that often mean "missing" and lie apart from all others, each with its count and their range.

    The result is the fact `suspected_marks`; `values` are numbers [rows], NaN in gaps.
    """
    kept = values[np.isfinite(values)]
    marks: dict[str, list[float]] = {}
    for end, numbers in ((kept.min(initial=0), _LOWEST), (kept.max(initial=0), _HIGHEST)):
        others = kept[kept != end]
        if end not in numbers or len(others) < 2 or len(kept) - len(others) < 2:
            continue
        low, high = float(others.min()), float(others.max())
        if min(abs(low - end), abs(high - end)) > 2 * (high - low) or end < 0 <= low:
            marks[f"{end:g}"] = [len(kept) - len(others), low, high]
    return {"suspected_marks": marks} if marks else {}


def stack(values: Any, rank: int, what: str, missing: Iterable[Any] = ()) -> Array | list[Array]:
    """Return samples with `rank` axes as one array [rows, ...], or a list if their sizes differ.

    The result is float32 if that represents every number of the source's type exactly, else float64. Numbers
    listed under `missing` become NaN. Raises `ProblemError` DAT319 if a sample has another number of axes or
    contains values that are not numbers.
    """
    marks = Marks(missing)
    is_table = isinstance(values, np.ndarray) and values.dtype.kind in "fiub" and values.ndim == rank + 1
    if is_table and 0 not in values.shape[1:]:
        return _exact(values, marks)
    samples = [_sample(value, row, (rank, what), marks) for row, value in enumerate(values)]
    return np.stack(samples) if len({sample.shape for sample in samples}) == 1 else samples


def _sample(value: Any, row: int, wanted: tuple[int, str], marks: Marks) -> Array:
    """Return the sample of a row as an array with `wanted` axes, and the name of such samples."""
    rank, what = wanted
    if isinstance(value, str | float | None) and text_of(value) in marks:
        helps = "remove the sample, or write NaN, of its full size, where values are missing"
        raise ProblemError(_no_array(row, what, "has no value", helps))
    kind = ""
    try:
        array = np.asarray(_without_marks(value, marks))
        kind = array.dtype.kind
        sample = _exact(array, marks) if kind not in "cUSMm" else None
    except (TypeError, ValueError):
        sample = None
    if sample is None:
        helps = _TWO_PARTS if kind == "c" else _ANOTHER_TYPE
        raise ProblemError(_no_array(row, what, "contains values that are not real numbers", helps))
    if sample.ndim != rank:
        axes = f"{sample.ndim} {'axis' if sample.ndim == 1 else 'axes'}"
        raise ProblemError(_no_array(row, what, f"has {axes}, but a {what} has {rank}"))
    if not sample.size:
        raise ProblemError(_no_array(row, what, "is empty"))
    return sample


def _without_marks(value: Any, marks: Marks) -> Any:
    """Return nested lists with None in place of texts that are missing-value marks."""
    if not marks.texts or not isinstance(value, list | tuple):
        return value
    return [
        None if isinstance(item, str) and item.strip() in marks else _without_marks(item, marks)
        for item in value
    ]


def exact_dtype(source: Any) -> np.dtype[Any]:
    """Return float32 if it is exact for every number of a type, else float64."""
    return np.dtype(np.float32 if np.dtype(source).char in _SINGLE else np.float64)


def _exact(array: Array, marks: Marks) -> Array:
    """Return float32 if it is exact for every number of the type, else float64; NaN at missing-value marks."""
    dtype = exact_dtype(array.dtype)
    if array.dtype != dtype:
        _require_room(array, dtype.itemsize)
    if marks.stated:
        numbers = array if array.dtype.kind in "fiub" else array.astype(np.float64)
        array = mask_marks(numbers, marks).values
    return array.astype(dtype, copy=False)


def unused_marks(values: Any, missing: Iterable[Any]) -> list[str]:
    """Return the missing-value marks that occur in no sample."""
    marks = Marks(missing)
    if not marks.stated:
        return []
    if isinstance(values, np.ndarray):
        return mask_marks(values, marks).unused
    used = {text for value in values for text in _texts_in(value)}
    parts = (np.asarray(_without_marks(value, marks), np.float64) for value in values)
    unused_by_part = [mask_marks(part, marks, used).unused for part in parts]
    first = unused_by_part[0] if unused_by_part else []
    return [mark for mark in first if all(mark in unused for unused in unused_by_part)]


def _texts_in(value: Any) -> set[str]:
    """Return the texts in nested lists."""
    if isinstance(value, str):
        return {value.strip()}
    return set().union(*map(_texts_in, value)) if isinstance(value, list | tuple) else set()


def _no_array(row: int, what: str, because: str, helps: str = _ANOTHER_TYPE) -> Problem:
    return Problem("DAT319", f"a sample {because}", label=f"read as {what}", helps=(helps,), row=row)
