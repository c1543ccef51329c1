"""Blended edges of masks: values between two classes that occur only where these meet."""

from collections.abc import Iterable, Sequence

import numpy as np

from declare.components.fields._mask_codes import COLOURS
from declare.contract.shapes import Array

_SHARE = 0.95
"""Fraction of the pixels of a value that are between a lower and a higher one, if it is not a class."""


def blended_codes(masks: Iterable[Array], codes: Sequence[int]) -> list[int]:
    """Return the numbers among the codes of `masks` [height, width] that look like blends of lower and higher ones.

    No 3 x 3 pixels have such a number, and nearly all of its pixels have a lower and a higher neighbour, as at
    antialiased edges of areas. Numbers without gaps are classes: one may lie between two others.
    """
    if len(codes) < 3 or codes[-1] >= COLOURS or list(codes) == list(range(codes[0], codes[-1] + 1)):
        return []
    pixels, edges, areas = (np.zeros(len(codes), np.int64) for _ in range(3))
    for mask in masks:
        places = np.searchsorted(codes, mask).clip(0, len(codes) - 1)
        known = np.asarray(codes)[places] == mask
        least, largest = _neighbours(np.where(known, places, len(codes)), np.where(known, places, -1))
        pixels += np.bincount(places[known], minlength=len(codes))
        edges += np.bincount(places[known & (least < places) & (largest > places)], minlength=len(codes))
        areas += np.bincount(places[known & (least == largest)], minlength=len(codes))
    blends = (edges > _SHARE * pixels) & (areas == 0)
    inside = np.flatnonzero(areas)
    blends &= (np.arange(len(codes)) > inside.min(initial=len(codes))) & (
        np.arange(len(codes)) < inside.max(initial=0)
    )
    return [code for code, blend in zip(codes, blends, strict=True) if blend]


def _neighbours(low: Array, high: Array) -> tuple[Array, Array]:
    """Return the least of `low` and the largest of `high` in the 3 x 3 pixels around each."""
    least, largest = low, high
    for axis in (0, 1):
        padding = [(1, 1) if axis == other else (0, 0) for other in (0, 1)]
        low, high = np.pad(least, padding, mode="edge"), np.pad(largest, padding, mode="edge")
        size = least.shape[axis]
        shifts = [slice(start, start + size) for start in range(3)]
        least = np.minimum.reduce([low[shift] if axis == 0 else low[:, shift] for shift in shifts])
        largest = np.maximum.reduce([high[shift] if axis == 0 else high[:, shift] for shift in shifts])
    return least, largest
