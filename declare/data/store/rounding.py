"""Measuring what single precision changes of a field's numbers."""

import numpy as np

from declare.contract.shapes import Array
from declare.data.store.dataset import Pool
from declare.data.store.single_precision import RoundedValues
from declare.ir.plan import DatasetPlan

_LIGHT, _HEAVY = 2**17, 64
"""Samples that are looked at."""
_LEAST = float(np.finfo(np.float32).tiny)
"""Smaller numbers are taken for 0 by many devices."""
_TINY = float(np.finfo(np.float64).tiny)


def most_rounded(plan: DatasetPlan, path: str, field: str) -> RoundedValues | None:
    """Return the feature or channel of a field that single precision changes most; None if it changes none.

    Raises `ProblemError` if samples cannot be read or transformed.
    """
    return _worst(_values(Pool(plan, path), field))


def _values(pool: Pool, field: str) -> Array:
    """Return training samples [rows, ...] after their stored transforms, before they are rounded."""
    rows = pool.rows_by_split["train"]
    most = _LIGHT if pool.is_light(field) else _HEAVY
    values = pool.encoded_values(field, rows[:: max(1, -(-len(rows) // most))])
    for _, transform in pool.stored_transforms(field, "train"):
        statistics = transform.fit(iter([values])) if transform.fitted else {}
        values = transform.apply(values, statistics)
    return values


def _worst(values: Array) -> RoundedValues | None:
    """Return the feature that loses most of its different values; None if none loses any."""
    if values.dtype != np.float64:
        return None
    features = values.reshape(len(values), 1, -1) if values.ndim == 1 else values
    changes = [_of(features[:, place], place) for place in range(features.shape[1])]
    changed = [item for item in changes if item is not None]
    return max(changed, key=lambda item: (item.infinite > 0, item.gap / max(item.std, _TINY)), default=None)


def _of(values: Array, place: int) -> RoundedValues | None:
    kept = values[np.isfinite(values)]
    if not kept.size:
        return None
    distinct = np.unique(kept)
    with np.errstate(over="ignore", under="ignore"):
        single = distinct.astype(np.float32)
    single[np.abs(single) < _LEAST] = 0
    starts = np.flatnonzero(np.append(True, single[1:] != single[:-1]))
    infinite = int(np.isinf(single).sum())
    if len(starts) == len(distinct) and not infinite:
        return None
    ends = np.append(starts[1:], len(distinct)) - 1
    largest = float(np.abs(distinct).max())
    return RoundedValues(
        feature=place,
        distinct=len(distinct),
        left=len(starts),
        gap=float((distinct[ends] - distinct[starts]).max()),
        std=float((kept / largest).std() * largest),
        largest=largest,
        infinite=infinite,
    )
