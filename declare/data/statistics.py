"""Statistics of transforms, from the training split alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from declare.data.table import Pool, Table
from declare.ir.plan import DatasetPlan

_ROWS = 1024


def fit(plan: DatasetPlan) -> dict[str, dict[str, list[float]]]:
    """Return the statistics of a dataset's transforms; keys are `INDEX.FIELD`."""
    return fit_pool(Pool(plan)) if plan.transforms else {}


def fit_pool(pool: Pool) -> dict[str, dict[str, list[float]]]:
    """Fit transforms in order: each sees what the ones before it make of the training split."""
    found: dict[str, dict[str, list[float]]] = {}
    for name in pool.plan.fields:
        for index, transform in pool.of_field(name, "train"):
            if transform.fitted:
                found[f"{index}.{name}"] = transform.fit(_before(pool, name, index, found))
    return found


def _before(
    pool: Pool, field: str, index: int, statistics: dict[str, dict[str, list[float]]]
) -> Iterator[np.ndarray[Any, Any]]:
    """Yield training samples of a field as they stand before the transform at `index`."""
    table = _Untransformed(pool, "train", statistics)
    earlier = [(at, item) for at, item in pool.stored(field, "train") if at < index]
    for start in range(0, table.num_samples, _ROWS):
        values = table.read(field, np.arange(start, min(start + _ROWS, table.num_samples)))
        for at, transform in earlier:
            values = transform.apply(values, statistics.get(f"{at}.{field}", {}))
        yield values


class _Untransformed(Table):
    """A table that stops short of the stored transforms."""

    def read(self, field: str, positions: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return encoded samples by position."""
        facts = self._pool.plan.fields[field].facts
        return self._pool.fields[field].encode(self._decoded(field, self.rows[positions]), facts)
