"""Samples that differ in length: which fields hold some, and the name under which batches say how long each is."""

from __future__ import annotations

from declare.contract.data import FieldFacts
from declare.contract.shapes import Shape

KEY = "lengths"
"""Where facts of a field hold the shortest and the longest length."""


def lengths_name(field: str) -> str:
    """Return the name in a batch of the lengths [B] of a field's samples; no field can be called so."""
    return f"{field}.{KEY}"


def lengths_differ(shape: Shape, facts: FieldFacts) -> bool:
    """Return whether samples of a field differ in length: texts always, others where the data say so.

    `shape` is that after all transforms.
    """
    return shape.layout == "tokens" or (KEY in facts.extra and shape.time_axis is not None)
