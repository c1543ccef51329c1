"""Columns of Arrow's extension types: values that are stored as others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from declare.contract.problem import Problem, ProblemError

if TYPE_CHECKING:
    import polars as pl

_AS_STORED = ("arrow.json", "datasets.")
"""Beginnings of the names of types whose values are what is stored."""


def is_extension(kind: Any) -> bool:
    """Return whether a type of polars is an extension type."""
    return hasattr(kind, "ext_name")


def extension_values(series: pl.Series) -> Any:
    """Return the values that a column of an extension type stands for: arrays, texts or booleans, None in gaps.

    Raises `ProblemError` DAT319 for a type that is not known: what is stored need not be what it means.

    Source: https://arrow.apache.org/docs/format/CanonicalExtensions.html.
    """
    kind: Any = series.dtype
    name, stored = str(kind.ext_name()), series.ext.storage()
    if name == "arrow.fixed_shape_tensor":
        return _tensors(stored, json.loads(kind.ext_metadata()))
    if name == "arrow.bool8":
        return [None if value is None else value != 0 for value in stored.to_list()]
    if name.startswith(_AS_STORED):
        return stored.to_list()
    raise ProblemError(
        Problem(
            "DAT319",
            f"`{series.name[:24]}` is a column of the type `{name[:40]}`",
            label="not known what is stored",
            helps=("write it as plain numbers, lists or texts",),
            row=0,
        )
    )


def _tensors(stored: pl.Series, form: dict[str, Any]) -> Any:
    """Return arrays of the stated shape, of which the flat values are stored."""
    import numpy as np

    shape = form["shape"]
    order = form.get("permutation") or range(len(shape))
    if stored.null_count():
        rows = [None if row is None else np.reshape(row, shape) for row in stored.to_list()]
        return [None if row is None else row.transpose(order) for row in rows]
    return stored.to_numpy().reshape(-1, *shape).transpose(0, *(1 + axis for axis in order))
