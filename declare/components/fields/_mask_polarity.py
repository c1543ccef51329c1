"""Masks of two classes in which some objects have the value that background has in others."""

from collections.abc import Collection, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from declare.components.fields._mask_codes import value_of
from declare.contract.shapes import Array

_LEAST, _LEAST_SHARE = 2, 0.1
"""Number and fraction of masks of each kind."""
_AROUND = 0.9
"""Fraction of the edge of a mask from which a value surrounds the other."""


class PolaritySurvey:
    """Which of two values surrounds the other, counted over masks.

    A value surrounds the other if it has at least nine tenths of the labelled pixels at the edges of the image, and
    more than half of all. Masks with one value are not counted.
    """

    def __init__(self) -> None:
        self._pair: list[int] | None = None
        self._rows: dict[str, list[int]] = {"low": [], "high": [], "none": []}
        self._over = False

    def add(self, codes: Array, distinct: Sequence[int], void: Collection[int], row: int) -> None:
        """Count masks [rows, height, width] of which `distinct` are the values; `row` is the first."""
        labelled = sorted(set(distinct).difference(void))
        if len(labelled) < 2 or self._over:
            return
        self._over = len(labelled) > 2 or self._pair not in (None, labelled)
        self._pair = labelled
        if self._over:
            return
        edges = np.concatenate(
            [codes[:, [0, -1]].reshape(len(codes), -1), codes[:, :, [0, -1]].reshape(len(codes), -1)], axis=1
        )
        inside, around = (
            _share_of_high(codes.reshape(len(codes), -1), labelled),
            _share_of_high(edges, labelled),
        )
        for place in np.flatnonzero((inside > 0) & (inside < 1)).tolist():
            high = inside[place] > 0.5 and around[place] >= _AROUND
            low = inside[place] < 0.5 and around[place] <= 1 - _AROUND
            self._rows["high" if high else "low" if low else "none"].append(row + place)

    def facts(self, values: Sequence[Any]) -> dict[str, Any]:
        """Return as `inverted` how many masks each value surrounds, if both surround some; else nothing.

        Nearly all masks must be of these two kinds. `values` are the masks, of which a file is named.
        """
        number = sum(map(len, self._rows.values()))
        least = max(_LEAST, _LEAST_SHARE * number)
        rare = min(self._rows["low"], self._rows["high"], key=len)
        if self._over or self._pair is None or len(rare) < least:
            return {}
        if len(self._rows["none"]) > _LEAST_SHARE * number:
            return {}
        kinds = zip(self._pair, ("low", "high"), strict=True)
        counts = {str(value_of(code)): len(self._rows[kind]) for code, kind in kinds}
        example = values[rare[0]]
        named = {"example": example.name} if isinstance(example, PurePath) else {}
        return {"inverted": {"surrounds": counts} | named}


def _share_of_high(pixels: Array, pair: Sequence[int]) -> Array:
    """Return the share [rows] of the higher of two values among the labelled pixels; NaN without any."""
    low, high = ((pixels == code).sum(axis=1) for code in pair)
    with np.errstate(invalid="ignore"):
        return np.asarray(high / (low + high))
