"""Statistics of transforms, from the training split alone."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from declare.contract.problem import Problem
from declare.contract.shapes import Array
from declare.data.read import prefetch
from declare.data.store.split_arrays import Pool, Table
from declare.ir.plan import DatasetPlan

_ROWS = 512


def fit(plan: DatasetPlan) -> dict[str, dict[str, list[float]]]:
    """Return the statistics of a dataset's transforms; keys are `INDEX.FIELD`."""
    return fit_pool(Pool(plan)) if plan.transforms else {}


def fit_pool(pool: Pool) -> dict[str, dict[str, list[float]]]:
    """Fit transforms in order: each sees what the ones before it make of the training samples.

    Those that draw for each sample are left out.
    """
    statistics: dict[str, dict[str, list[float]]] = {}
    for name in pool.plan.fields:
        statistics |= fit_field(pool, name)
    return statistics


def fit_field(pool: Pool, name: str) -> dict[str, dict[str, list[float]]]:
    """Fit the transforms of one field; keys are `INDEX.FIELD`."""
    statistics: dict[str, dict[str, list[float]]] = {}
    for side in ("train", "val"):
        for index, transform in pool.of_field(name, side):
            if transform.fitted and f"{index}.{name}" not in statistics:
                statistics[f"{index}.{name}"] = transform.fit(
                    _blocks_before(pool, (name, side), index, statistics)
                )
    return statistics


def _blocks_before(
    pool: Pool, place: tuple[str, str], index: int, statistics: dict[str, dict[str, list[float]]]
) -> Iterator[Array]:
    """Yield training samples of a field before the transform at `index` of one side."""
    field, side = place
    table = Table(pool, "train", statistics)
    earlier = [(at, item) for at, item in pool.array_transforms(field, side) if at < index]

    def block(start: int) -> Array:
        values = table.encoded_values(field, np.arange(start, min(start + _ROWS, table.num_samples)))
        for at, transform in earlier:
            values = transform.apply(values, statistics.get(f"{at}.{field}", {}))
        return values

    starts = range(0, table.num_samples, _ROWS)
    if pool.is_light(field):
        return map(block, starts)
    return prefetch.in_order(block, starts, prefetch.num_threads(), prefetch.num_threads())


def in_transform(problem: Problem, pool: Pool, place: tuple[str, str], index: int) -> Problem:
    """Put a problem of a transform at its block, and name the field and split of the value."""
    field, split = place
    note = f"field `{field}`, split `{split}`"
    placed = replace(problem, at=f"transforms.{index}", row=None, notes=(note, *problem.notes))
    return placed.with_prefix(pool.path)
