"""Raw values of a field: columns of file names stand for the pictures that they name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from declare.contract.data import Reader
from declare.contract.field import Field

Rows = np.ndarray[Any, Any]
_DECODED = frozenset({"image", "mask"})


def is_light(reader: Reader, field: Field, place: str) -> bool:
    """Return whether the whole column can be had without decoding files."""
    return reader.is_light(place) and not _names_files(reader, field, place)


def read(reader: Reader, field: Field, place: str, rows: Rows) -> Any:
    """Return the raw values of `rows`; file names in a table start at the folder of the table."""
    values = reader.read(place, rows)
    if not _names_files(reader, field, place):
        return values
    folder = Path(getattr(reader, "folder", "."))
    return [folder / str(value) for value in values]


def _names_files(reader: Reader, field: Field, place: str) -> bool:
    if field.layout not in _DECODED or not reader.is_light(place) or not reader.num_samples:
        return False
    return isinstance(reader.read(place, np.zeros(1, np.int64))[0], str)
