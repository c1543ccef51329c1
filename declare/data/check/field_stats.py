"""What is counted of a field while its samples pass by."""

from collections import Counter
from itertools import combinations

import numpy as np

from declare.contract.shapes import Array
from declare.data.check.summary import FieldSummary
from declare.data.read.split import SPLITS
from declare.data.store.dataset import Pool

ARRAYS = frozenset({"image", "video", "series", "sequence", "vector", "tokens", "counts"})
"""Layouts whose values alone distinguish samples."""
TEXTS = frozenset({"tokens", "tags"})
"""Layouts that are examined as they are in the source."""
_BINS = 24


class FieldStats:
    """Counts and ranges of one field over all counted samples."""

    def __init__(self, name: str, pool: Pool) -> None:
        plan = pool.plan.fields[name]
        self._name = name
        self._type = str(plan.block["type"])
        self._facts = plan.facts
        self._layout = plan.facts.shape.layout
        self._missing: Counter[str] = Counter()
        self._counts = {split: np.zeros(len(plan.facts.classes or ()), np.int64) for split in pool.rows}
        self._ids: dict[str, set[int]] = {split: set() for split in pool.rows}
        self._range = _Range()
        self._kept: list[Array] = []
        self._lengths: list[int] = []

    def take(self, values: Array, splits: Array) -> None:
        """Count encoded samples [rows, ...]; `splits` is the split of each."""
        if self._varies:
            self._lengths += [sample.shape[-1] for sample in self.strip_padding(values)]
        for split in SPLITS:
            part = values[splits == split]
            if len(part):
                self._count(part, split)
        if self._layout in {"number", "vector", "series", "sequence", "video", "counts", "image"}:
            samples = [sample[None] for sample in self.strip_padding(values)] if self._varies else [values]
            for sample in samples:
                self._range.take(sample)
            if self._layout == "number":
                self._kept.append(values)

    def _count(self, part: Array, split: str) -> None:
        if self._layout == "id":
            self._missing[split] += int((part < 0).sum())
            self._ids[split] |= set(part[part >= 0].tolist())
        elif self._layout in {"category", "mask"}:
            inside = part[part >= 0]
            self._counts[split] += np.bincount(inside.ravel(), minlength=len(self._counts[split]))
            empty = (part < 0).reshape(len(part), -1).all(axis=1)
            self._missing[split] += int(empty.sum())
        elif part.dtype.kind == "O":
            self._missing[split] += sum(not len(text) for text in part)
        elif part.dtype.kind == "f":
            self._missing[split] += int(np.isnan(part).reshape(len(part), -1).all(axis=1).sum())
            if self._layout == "labels":
                self._counts[split] += np.nansum(part, axis=0).astype(np.int64)

    @property
    def _varies(self) -> bool:
        return self._layout in TEXTS or None in self._facts.shape.dims or "lengths" in self._facts.extra

    def strip_padding(self, values: Array) -> list[Array]:
        """Return samples without the NaN at the end that makes them as long as the longest."""
        if not self._varies or values.dtype.kind != "f":
            return list(values)
        return [_without_end(sample) for sample in values]

    def summary(self) -> FieldSummary:
        """Return what was counted."""
        stated = self._facts.extra.get("lengths") or (
            (min(self._lengths), max(self._lengths)) if len(set(self._lengths)) > 1 else None
        )
        return FieldSummary(
            name=self._name,
            type=self._type,
            shape=str(self._facts.shape),
            missing={split: number for split, number in self._missing.items() if number},
            nan=self._range.nan if self._layout != "number" else 0,
            infinite=self._range.infinite,
            **self._range.statistics(),
            histogram=self._histogram(),
            lengths=(stated[0], int(np.median(self._lengths)), stated[1]) if stated else None,
            counts=self._by_class(),
            distinct=len(set().union(*self._ids.values())) if self._layout == "id" else None,
            shared=self._shared_ids(),
        )

    def _by_class(self) -> dict[str, dict[str, int]]:
        if self._layout not in {"category", "labels", "mask"}:
            return {}
        names = self._facts.classes or ()
        return {
            name: {split: int(counts[index]) for split, counts in self._counts.items()}
            for index, name in enumerate(names)
        }

    def _shared_ids(self) -> dict[str, int]:
        both = {f"{a}+{b}": len(self._ids[a] & self._ids[b]) for a, b in combinations(self._ids, 2)}
        return {pair: number for pair, number in both.items() if number}

    def _histogram(self) -> tuple[int, ...]:
        values = np.concatenate(self._kept) if self._kept else np.zeros(0)
        values = values[np.isfinite(values)].astype(np.float64)
        if not len(values) or values.min() == values.max():
            return ()
        return tuple(np.histogram(values, bins=_BINS)[0].tolist())


class _Range:
    """Extremes and moments of what passes by, and samples that hold a gap."""

    def __init__(self) -> None:
        self.nan = 0
        self.infinite = 0
        self._number = 0
        self._mean = 0.0
        self._squares = 0.0
        self._lowest = np.inf
        self._highest = -np.inf

    def take(self, values: Array) -> None:
        if values.dtype.kind == "f":
            gaps = np.isnan(values)
            self.nan += int(gaps.reshape(len(gaps), -1).any(axis=1).sum())
            self.infinite += int(np.isinf(values).sum())
            values = values[np.isfinite(values)]
        if not values.size:
            return
        self._lowest = min(self._lowest, float(values.min()))
        self._highest = max(self._highest, float(values.max()))
        self._merge(values.size, float(values.mean(dtype=np.float64)), float(values.var(dtype=np.float64)))

    def _merge(self, number: int, mean: float, variance: float) -> None:
        # Chan et al. 1983: moments of two parts give those of the whole without large sums.
        total = self._number + number
        gap = mean - self._mean
        self._squares += variance * number + gap * gap * self._number * number / total
        self._mean += gap * number / total
        self._number = total

    def statistics(self) -> dict[str, float | None]:
        if not self._number:
            return {}
        return {
            "minimum": self._lowest,
            "maximum": self._highest,
            "mean": self._mean,
            "std": float(np.sqrt(self._squares / self._number)),
        }


def _without_end(sample: Array) -> Array:
    """Cut an array after the last place of each axis that holds a value."""
    known = ~np.isnan(sample)
    ends = []
    for axis in range(sample.ndim):
        others = tuple(other for other in range(sample.ndim) if other != axis)
        places = np.flatnonzero(known.any(axis=others) if others else known)
        ends.append(slice(int(places[-1]) + 1 if len(places) else 0))
    return sample[tuple(ends)]
