"""Files and recordings of which samples are in two splits."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from declare.contract.facts import Reader
from declare.contract.files.sequences import sequences_of
from declare.contract.kinds.field import Field
from declare.contract.shapes import Array
from declare.data.read import raw_values


def split_items(
    reader: Reader, fields: Mapping[str, Field], split: Mapping[str, Any], rows_of: Mapping[str, Array]
) -> dict[str, Any]:
    """Return how many files or recordings have samples in training and in another split, and the first of them.

    Those that the reader names, or sequences of files that a table lists; `column` names them, empty if no column
    does. Nothing if none has, or if groups are stated (`split.by`).
    """
    items = [] if split.get("by") else _items(reader, fields)
    if not items:
        return {}
    names = np.asarray(items, object)
    others = set().union(*(names[rows] for name, rows in rows_of.items() if name != "train"))
    shared = sorted(others.intersection(names[rows_of["train"]]))
    if not shared:
        return {}
    return {"column": reader.grouping, "first": shared[0], "shared": len(shared), "number": len(set(items))}


def _items(reader: Reader, fields: Mapping[str, Field]) -> list[str]:
    """Return the file or recording of each sample; nothing if there are none."""
    if reader.grouping:
        return list(reader.read(reader.grouping))
    for name, field in fields.items():
        place = field.column_name(name)
        if raw_values.names_files(reader, field, place):
            files = [str(value or "") for value in reader.read(place)]
            if sequences := sequences_of(files, [""] * len(files)):
                return sequences
    return []
