"""Samples that differ in length: which fields have them, and the name of their lengths in batches."""

from collections.abc import Callable

from declare.contract.facts import FieldFacts
from declare.contract.shapes import Array, Shape

KEY = "lengths"
"""Where facts of a field hold the shortest and the longest length."""


def lengths_name(field: str) -> str:
    """Return the name in a batch of the lengths [B] of a field's samples; no field can be called so."""
    return f"{field}.{KEY}"


def lengths_differ(shape: Shape, facts: FieldFacts) -> bool:
    """Return whether samples of a field differ in length: always for texts, else by the facts.

    `shape` is that after all transforms.
    """
    return shape.layout == "tokens" or (KEY in facts.extra and shape.time_axis is not None)


def ends(values: Array, axis: int) -> Array:
    """Return the steps [rows] of samples padded with NaN, or with ids below 0: up to the last real one, 1 at least.

    `axis` is the axis of steps.
    """
    import numpy as np

    others = tuple(other for other in range(1, values.ndim) if other != axis)
    known = ~np.isnan(values) if values.dtype.kind == "f" else values >= 0
    steps = np.asarray(known.any(axis=others) if others else known)
    behind = np.argmax(steps[:, ::-1], axis=1) if steps.shape[1] else 0
    counts: Array = np.where(steps.any(axis=1), steps.shape[1] - behind, 1).astype(np.int64)
    return counts


def each_to_its_end(values: Array, width: int, change: Callable[[Array], Array]) -> Array:
    """Return what `change` makes of samples [rows, ..., time] padded with NaN, each without its padding.

    The result is padded to `width` steps again. Samples of one length are changed together.
    """
    import numpy as np

    lengths = ends(values, values.ndim - 1)
    if len(values) and (lengths == values.shape[-1]).all():
        return change(values)
    padded = np.full((*values.shape[:-1], width), np.nan, np.float32)
    for length in np.unique(lengths):
        rows = lengths == length
        changed = change(values[rows][..., :length])
        padded[rows, ..., : changed.shape[-1]] = changed
    return padded
