"""What the columns of a table hold, guessed from its first rows."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from declare.parsing.read_component import read_component

Kind = Literal["number", "category", "unused"]
_ROWS = 5000
_FEW = 20
"""Up to this many different integers count as classes in a target."""
_GAPS = ("", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "?")

_CODE = re.compile(r"0[0-9]+|.*_.*")
"""Texts such as `007` and `1_000` are not numbers."""
_RESERVED = {
    "true",
    "false",
    "null",
    "yes",
    "no",
    "on",
    "off",
    "y",
    "n",
    "none",
    "nan",
    "inf",
    "row",
    "encoder",
}
"""Words that YAML, or some tool that reads it, takes for no text, and names of the draft's modules."""


@dataclass(frozen=True)
class Column:
    """A column: its title in the file, its field name, the kind of its values, and its missing-value marks."""

    title: str
    field: str
    kind: Kind
    unique: int
    whole: bool
    missing: tuple[str, ...]


def infer_columns(path: Path) -> list[Column]:
    """Guess the columns of a CSV or Parquet file from its first rows; raises `ProblemError` as its source does."""
    import numpy as np

    kind = "parquet" if path.suffix == ".parquet" else "csv"
    reader = read_component("sources", {"type": kind, "path": str(path.absolute())}).open()
    rows = np.arange(min(_ROWS, reader.num_samples))
    numbers: dict[str, int] = {}
    return [
        _column(title, _field(title, numbers), [*map(_text, reader.read(title, rows))])
        for title in reader.columns
    ]


def _field(title: str, numbers: dict[str, int]) -> str:
    """Return a field name for a column title, none of those in `numbers`, which holds the last number of each."""
    plain = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_") or "column"
    plain = plain if plain[0].isalpha() else f"column_{plain}"
    plain = name = f"{plain}_column" if plain in _RESERVED else plain
    while name in numbers:
        numbers[plain] += 1
        name = f"{plain}_{numbers[plain]}"
    numbers[name] = 1
    return name


def _column(title: str, field: str, values: Sequence[str]) -> Column:
    gaps = tuple(gap for gap in _GAPS if gap in values)
    known = [value for value in values if value not in gaps]
    numbers = [_number(value) for value in known]
    whole = all(number is not None and number.is_integer() for number in numbers)
    unique = len(set(known))
    kind: Kind = "number" if None not in numbers and known else "category"
    named = whole and re.search(r"(^|_)(id|index)$", field) is not None
    distinct = unique == len(known) and (kind == "category" or named)
    if not title or distinct or unique < 2 or (kind == "category" and unique > max(_FEW, len(known) // 10)):
        kind = "unused"
    return Column(title, field, kind, unique, whole, gaps)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _number(value: str) -> float | None:
    """Return the number that a text is; None for one with a zero before its digits, which is a name."""
    if _CODE.fullmatch(value.strip()):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def is_class(column: Column) -> bool:
    """Return whether a target column contains classes rather than numbers."""
    return column.kind == "category" or (column.whole and 2 <= column.unique <= _FEW)
