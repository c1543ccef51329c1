"""Some samples of each class, to look at."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from declare.contract.problem import ProblemError
from declare.contract.shapes import Array
from declare.data.check.field_stats import TEXTS
from declare.data.read import raw_values
from declare.data.store.dataset import Pool

_CLASSES = 24
_EACH = 8
_UNGROUPED = 24


@dataclass(frozen=True)
class Sample:
    """A sample: its place, its split, and its fields, encoded or as text."""

    where: str
    split: str
    values: dict[str, Any]


def choose(pool: Pool, targets: Collection[str]) -> dict[str, list[Sample]]:
    """Return up to eight samples of each class of the dataset's first category, or a few of all under `""`."""
    splits = {row: split for split, rows in pool.rows.items() for row in map(int, rows)}
    rows = np.array(sorted(splits), np.int64)
    categories = [name for name, item in pool.fields.items() if item.layout == "category"]
    named = [name for name in categories if name in targets] or categories
    if not named:
        return {"": _spread(pool, rows, splits, _UNGROUPED)}
    classes = pool.plan.fields[named[0]].facts.classes or ()
    labels = pool.encoded_values(named[0], rows)
    return {
        name: _spread(pool, rows[labels == index], splits, _EACH)
        for index, name in enumerate(classes[:_CLASSES])
    }


def _spread(pool: Pool, rows: Array, splits: dict[int, str], number: int) -> list[Sample]:
    """Read `number` samples at equal distances; those that cannot be read are left out."""
    chosen = (
        rows[np.unique(np.linspace(0, len(rows) - 1, min(number, len(rows))).astype(int))]
        if len(rows)
        else rows
    )
    samples = []
    for row in map(int, chosen):
        try:
            values = {name: _value(pool, name, row) for name in pool.fields}
        except ProblemError:
            continue
        samples.append(Sample(pool.reader.where(row), splits[row], values))
    return samples


def _value(pool: Pool, name: str, row: int) -> Any:
    """Return a field of one sample: names for classes and ids, unchanged text, else the encoded array."""
    rows, layout = np.array([row]), pool.fields[name].layout
    if layout in TEXTS or layout == "id":
        return raw_values.text_of(pool.raw(name, rows)[0])
    value = pool.encoded_values(name, rows)[0]
    if layout == "category":
        classes = pool.plan.fields[name].facts.classes or ()
        return classes[int(value)] if value >= 0 else "-"
    return value
