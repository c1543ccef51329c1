"""What the columns of a table hold, guessed from its first rows."""

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

Kind = Literal["number", "category", "unused"]
_ROWS = 5000
_FEW = 20
"""Up to this many different whole numbers count as classes in a target."""
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
    """Guess the columns of a CSV or Parquet file from its first rows.

    Raises: ValueError: The file has no rows, two columns with the same name, or (CSV) a column without a
    name.
    """
    titles, rows = _parquet(path) if path.suffix == ".parquet" else _csv(path)
    if not titles or not rows:
        raise ValueError(f"`{path}` has no rows under its header")
    twice = next((title for title in titles if titles.count(title) > 1), None)
    if twice is not None:
        raise ValueError(f"two columns are called `{twice}`")
    fields: list[str] = []
    for title in titles:
        fields.append(_field(title, fields))
    return [
        _column(title, field, [row[index] for row in rows if index < len(row)])
        for index, (title, field) in enumerate(zip(titles, fields, strict=True))
    ]


def _csv(path: Path) -> tuple[list[str], list[list[str]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file)
        titles, rows = next(lines, []), list(islice(lines, _ROWS))
        if len(titles) > 1 and not titles[0].strip():  # an index, which the source passes over
            titles, rows = titles[1:], [row[1:] for row in rows]
        if any(not title.strip() for title in titles):
            raise ValueError("the header line has an empty name")  # as the source says
        return titles, rows


def _parquet(path: Path) -> tuple[list[str], list[list[str]]]:
    import polars as pl

    frame = pl.read_parquet(path, n_rows=_ROWS)
    rows = [["" if value is None else str(value) for value in row] for row in frame.iter_rows()]
    return frame.columns, rows


def _field(title: str, names: Sequence[str]) -> str:
    """Return a field name for a column title, different from all that are taken."""
    plain = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_") or "column"
    plain = plain if plain[0].isalpha() else f"column_{plain}"
    plain = f"{plain}_column" if plain in _RESERVED else plain
    numbers = (f"{plain}_{number}" for number in range(2, len(names) + 3))
    return plain if plain not in names else next(name for name in numbers if name not in names)


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
