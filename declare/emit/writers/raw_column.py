"""What a column holds before it is encoded, for the code that encodes it."""

from typing import Any

import numpy as np

from declare.contract.code import RawColumn, RawKind
from declare.contract.facts import FieldFacts
from declare.contract.kinds.field import Field
from declare.contract.shapes import Array
from declare.contract.text_column import TextColumn


def raw_column(
    code: str, kind: RawKind, values: Any, field: Field, facts: FieldFacts, used: Array
) -> RawColumn:
    """Return what is known of a column whose values `code` gives.

    `values` are those, as a reader gives them; `used` are the rows of any split: what is in no other is missing.
    """
    kind = "values" if kind == "array" and isinstance(values, list) else kind
    first = next((value for value in values if value is not None), None) if isinstance(values, list) else None
    dtype = str(np.asarray(first).dtype) if isinstance(values, list) else ""
    dtype = str(values.dtype) if isinstance(values, np.ndarray) else dtype
    if facts.shape.dims:
        return RawColumn(code, kind, dtype)
    rows = values[used] if isinstance(values, np.ndarray) else [values[row] for row in used.tolist()]
    distinct = _distinct(rows)
    column: Any = TextColumn.of(distinct) if isinstance(values, TextColumn) else distinct
    if isinstance(values, np.ndarray):
        column = np.array(distinct, values.dtype)  # marks are compared in the array's own type
    encoded = field.encode(column, facts) if distinct else np.zeros(0)
    if encoded.ndim != 1:
        return RawColumn(code, kind, dtype)
    gone = np.nan if encoded.dtype.kind == "f" else -1
    known = dict.fromkeys(_distinct(values), gone) | dict(zip(distinct, encoded.tolist(), strict=True))
    return RawColumn(code, kind, dtype, known)


def _distinct(values: Any) -> list[Any]:
    """Return the distinct values of a column that has one value in each row, without None and NaN."""
    rows = values.tolist() if isinstance(values, np.ndarray) else list(values)
    if any(isinstance(row, (list, dict)) for row in rows):
        return []
    return [row for row in dict.fromkeys(rows) if row is not None and row == row]  # noqa: PLR0124 - NaN
