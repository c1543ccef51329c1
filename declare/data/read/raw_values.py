"""Raw values of a field: columns of file names refer to the images."""

from dataclasses import replace
from typing import Any

import numpy as np

from declare.contract.facts import FieldFacts, Reader
from declare.contract.kinds.field import Field
from declare.contract.kinds.source import Source, is_folder
from declare.contract.problem import Problem
from declare.contract.shapes import Array

Rows = Array
_DECODED = frozenset({"image", "mask"})
_LOOK = 8
"""Values that are read at once to find one that is not missing."""


def source_lists_files(source: Source) -> bool:
    """Return whether the files of samples are the source's own: it is a folder, and its fingerprint is of them."""
    return source.data_path is not None and is_folder(source.data_path)


def is_light(reader: Reader, field: Field, place: str) -> bool:
    """Return whether the whole column can be had without decoding files."""
    return reader.is_light(place) and _stored_as(reader, field, place) is None


def read(reader: Reader, field: Field, place: str, rows: Rows) -> Any:
    """Return the raw values of `rows`; file names in a table start at the folder of the table."""
    values = reader.read(place, rows)
    if not names_files(reader, field, place):
        return values
    return [None if value is None else reader.folder / str(value) for value in values]


def names_files(reader: Reader, field: Field, place: str) -> bool:
    """Return whether a column of images holds names of files."""
    return _stored_as(reader, field, place) is str


def with_reading(facts: FieldFacts, reader: Reader, place: str) -> FieldFacts:
    """Return facts with how the source decodes the column, if it differs from what is stored."""
    read_as = reader.read_as(place)
    if not read_as:
        return facts
    reading = ", ".join(filter(None, (facts.extra.get("read_as"), read_as)))
    return facts.model_copy(update={"extra": facts.extra | {"read_as": reading}})


def with_reading_told(problem: Problem, reader: Reader, place: str) -> Problem:
    """Return the problem of a column; if its values are decoded, the problem mentions how."""
    read_as = reader.read_as(place)
    if not read_as:
        return problem
    notes = (*problem.notes, f"its source reads it so: {read_as}")
    helps = (f"`{reader.as_stored}` in the source reads it as it is stored",) if reader.as_stored else ()
    return replace(problem, notes=notes, helps=(*problem.helps, *helps))


def text_of(value: Any) -> str:
    """Return a raw value of a text field as text: lists of words are joined, a missing one is empty."""
    whole = getattr(value, "value", value)
    if whole is None:
        return ""
    return " ".join(map(str, whole)) if isinstance(whole, list | tuple) else str(whole)


def _stored_as(reader: Reader, field: Field, place: str) -> type[str | bytes] | None:
    """Return whether a light column of images holds names of files or encoded bytes; None if neither."""
    if field.layout not in _DECODED or not reader.is_light(place):
        return None
    for start in range(0, reader.num_samples, _LOOK):
        values = reader.read(place, np.arange(start, min(start + _LOOK, reader.num_samples)))
        if isinstance(values, np.ndarray) and values.dtype.kind not in "US":
            return None
        for value in values:
            if value is not None:
                holds_bytes = isinstance(value, bytes | dict)
                return str if isinstance(value, str) else bytes if holds_bytes else None
    return None
