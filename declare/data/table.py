"""A split of a dataset as encoded arrays with its stored transforms applied."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from declare.contract import reading
from declare.contract.data import Reader
from declare.contract.field import Field
from declare.contract.problem import Problem, ProblemError
from declare.contract.transform import Transform
from declare.data import packed
from declare.data.examining import assigned, limited
from declare.data.opening import open_reader
from declare.ir.plan import DatasetPlan

Array = np.ndarray[Any, Any]
Statistics = Mapping[str, dict[str, list[float]]]
_BLOCK = 256


@dataclass(frozen=True)
class Skipped:
    """A sample that could not be read; its place is taken by another one."""

    split: str
    row: int
    where: str
    reason: str


class Pool:
    """An open dataset: its reader, fields and the rows of each split."""

    def __init__(self, plan: DatasetPlan) -> None:
        self.plan = plan
        source: Any = reading.parse("sources", plan.source)
        self.reader: Reader = open_reader(source, plan.split)
        self.fields: dict[str, Field] = {name: _field(field.block) for name, field in plan.fields.items()}
        self.transforms: tuple[Transform, ...] = tuple(_transform(block) for block in plan.transforms)

    @cached_property
    def rows(self) -> dict[str, Array]:
        """The rows of each split."""
        needed = [self.plan.split.get(key) for key in ("by", "stratify", "column")]
        pool = limited(self.reader.num_samples, self.plan.limit, int(self.plan.split["seed"]))
        columns = {name: self._encoded(name, pool) for name in filter(None, needed)}
        facts = {name: field.facts for name, field in self.plan.fields.items()}
        return assigned(self.reader, self.plan.split, columns, facts, pool)

    def _encoded(self, name: str, rows: Array) -> Array:
        field = self.fields[name]
        return field.encode(self.reader.read(field.place(name), rows), self.plan.fields[name].facts)

    def stored(self, field: str, split: str) -> list[tuple[int, Transform]]:
        """Return the transforms that are applied once to what is stored, with their places in the list."""
        found = []
        for index, transform in self.of_field(field, split):
            if not transform.stored:
                break
            found.append((index, transform))
        return found

    def batched(self, field: str, split: str) -> list[tuple[int, Transform]]:
        """Return the transforms that are applied to each batch: from the first that is not stored on."""
        return self.of_field(field, split)[len(self.stored(field, split)) :]

    def of_field(self, field: str, split: str) -> list[tuple[int, Transform]]:
        """Return the transforms of a field that a split gets, in order."""
        side = "train" if split == "train" else "eval"
        return [
            (index, transform)
            for index, transform in enumerate(self.transforms)
            if field in ({transform.field} if transform.field else set(transform.fields or ()))
            and transform.on in {"all", side}
        ]


def _field(block: Mapping[str, Any]) -> Field:
    field = reading.parse("fields", dict(block))
    assert isinstance(field, Field)
    return field


def _transform(block: Mapping[str, Any]) -> Transform:
    transform = reading.parse("transforms", dict(block))
    assert isinstance(transform, Transform)
    return transform


class Table:
    """One split: rows by position, columns by field; encoded, stored transforms applied."""

    def __init__(self, pool: Pool, split: str, statistics: Statistics) -> None:
        self._pool = pool
        self._split = split
        self._statistics = statistics
        self.rows = pool.rows.get(split, np.zeros(0, np.int64))
        self.skipped: list[Skipped] = []
        self._arrays: dict[str, Array] = {}

    @classmethod
    def open(cls, plan: DatasetPlan, split: str, statistics: Statistics) -> Self:
        """Open one split of a dataset."""
        return cls(Pool(plan), split, statistics)

    @property
    def num_samples(self) -> int:
        """Samples of the split."""
        return len(self.rows)

    def is_resident(self, field: str) -> bool:
        """Return whether `array` may hold the whole field: always but for heavy fields with `cache: none`."""
        return self._is_light(field) or self._pool.plan.cache != "none"

    def _is_light(self, field: str) -> bool:
        return self._pool.reader.is_light(self._pool.fields[field].place(field))

    def array(self, field: str) -> Array:
        """Return the whole field [samples, ...], read once; heavy fields may be memory-mapped."""
        if field not in self._arrays:
            light = self._is_light(field)
            self._arrays[field] = self._whole(field) if light else self._packed(field)
        return self._arrays[field]

    def read(self, field: str, positions: Array) -> Array:
        """Return samples of a field by position in the split, decoded now."""
        rows = self.rows[positions]
        pool, facts = self._pool, self._pool.plan.fields[field].facts
        values = self._decoded(field, rows)
        encoded = pool.fields[field].encode(values, facts)
        for index, transform in pool.stored(field, self._split):
            encoded = transform.apply(encoded, self._statistics.get(f"{index}.{field}", {}))
        return encoded

    def _whole(self, field: str) -> Array:
        return np.ascontiguousarray(self.read(field, np.arange(self.num_samples)))

    def _packed(self, field: str) -> Array:
        """Decode a heavy field once, into memory or into a memory-mapped file of the user's cache."""
        plan = self._pool.plan
        stored = [plan.transforms[index] for index, _ in self._pool.stored(field, self._split)]
        statistics = [
            self._statistics.get(f"{i}.{field}", {}) for i, _ in self._pool.stored(field, self._split)
        ]
        identity = (plan.fingerprint, plan.fields[field].block, stored, statistics, self._split)
        return packed.load(identity, self.num_samples, self._blocks(field), plan.cache)

    def _blocks(self, field: str) -> Callable[[], Iterator[Array]]:
        def blocks() -> Iterator[Array]:
            starts = range(0, self.num_samples, _BLOCK)
            spans = [np.arange(start, min(start + _BLOCK, self.num_samples)) for start in starts]
            # Decoding leaves the interpreter's lock, so threads share the work; map keeps the order.
            with ThreadPoolExecutor(4) as threads:
                yield from threads.map(lambda span: self.read(field, span), spans)

        return blocks

    def _decoded(self, field: str, rows: Array) -> Any:
        """Read rows of a field; corrupt ones are replaced by others where the dataset skips them."""
        reader, place = self._pool.reader, self._pool.fields[field].place(field)
        skip = self._pool.plan.on_corrupt.get("action") == "skip"
        if self._is_light(field) or not skip:
            return reader.read(place, rows)
        try:
            values = reader.read(place, rows)
            self._pool.fields[field].encode(values, self._pool.plan.fields[field].facts)
        except ProblemError:
            return [self._one(field, place, int(row)) for row in rows]
        return values

    def _one(self, field: str, place: str, row: int) -> Any:
        """Return one sample, or the next one of the split that can be read."""
        facts = self._pool.plan.fields[field].facts
        start = int(np.searchsorted(self.rows, row))
        for offset in range(self.num_samples):
            other = int(self.rows[(start + offset) % self.num_samples])
            try:
                value = self._pool.reader.read(place, np.array([other]))[0]
                self._pool.fields[field].encode([value], facts)
            except ProblemError as error:
                self._note(other, error.problem)
            else:
                return value
        raise ProblemError(Problem("DAT302", "none of the samples can be read", at="source"))

    def _note(self, row: int, problem: Problem) -> None:
        """Remember an unreadable sample; more of them than the limit is an error."""
        if any(known.row == row for known in self.skipped):
            return
        self.skipped.append(Skipped(self._split, row, self._pool.reader.where(row), problem.title))
        limit = self._pool.plan.on_corrupt.get("limit", "1%")
        allowed = (
            int(limit) if not isinstance(limit, str) else float(limit.rstrip("%")) / 100 * self.num_samples
        )
        if len(self.skipped) > allowed:
            raise ProblemError(
                Problem(
                    "DAT332",
                    f"{len(self.skipped)} unreadable samples are more than `limit: {limit}` allows",
                    at="on_corrupt",
                    label="at most so many",
                    notes=tuple(f"{item.where}: {item.reason}" for item in self.skipped[:5]),
                    helps=("repair or remove the files, or raise the limit",),
                )
            )
