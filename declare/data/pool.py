"""An open dataset: its reader, its fields, and the rows of each split, samples that cannot be read left out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from declare.contract import reading
from declare.contract.data import FieldFacts, Reader
from declare.contract.field import Field
from declare.contract.problem import Problem, ProblemError
from declare.contract.transform import Transform
from declare.data import ahead, cache, learning, raw
from declare.data.examining import assigned, limited
from declare.data.opening import open_reader
from declare.ir.plan import DatasetPlan

Array = np.ndarray[Any, Any]
_BLOCK = 32


@dataclass(frozen=True)
class Skipped:
    """A sample that cannot be read: another one trains in its place, evaluations leave it out."""

    split: str
    row: int
    where: str
    reason: str


class Pool:
    """An open dataset: its reader, fields and the rows of each split."""

    def __init__(self, plan: DatasetPlan, path: str = "") -> None:
        self.plan = plan
        self.path = path
        """Where the dataset's block stands in the spec, for messages."""
        source: Any = reading.parse("sources", plan.source)
        self.reader: Reader = open_reader(source, plan.split)
        self.fields: dict[str, Field] = {name: _field(field.block) for name, field in plan.fields.items()}
        if any(field.learns for field in self.fields.values()):
            self.reader = learning.Parted(self.reader)
        self.transforms: tuple[Transform, ...] = tuple(_transform(block) for block in plan.transforms)

        self.empty: dict[str, Array] = {}
        """Rows by split that make no sample, once the splits are known."""

    @cached_property
    def rows(self) -> dict[str, Array]:
        """The rows of each split, in order.

        Where the dataset skips samples that cannot be read, each of them in the training split is replaced by
        a row drawn by the seed, so that the number of steps stays; other splits lose them.
        """
        if not self.unreadable:
            return self._assigned
        broken = np.fromiter(self.unreadable, np.int64)
        found = {name: rows[~np.isin(rows, broken)] for name, rows in self._assigned.items()}
        train, whole = self._assigned["train"].copy(), found["train"]
        if not len(whole):
            problem = Problem("DAT302", "none of the training samples can be read", at="source")
            raise ProblemError(problem.under(self.path))
        for place in np.flatnonzero(np.isin(train, broken)):
            generator = np.random.default_rng([int(self.plan.split["seed"]), int(train[place])])
            train[place] = whole[generator.integers(len(whole))]
        return found | {"train": train}

    @cached_property
    def _assigned(self) -> dict[str, Array]:
        needed = [self.plan.split.get(key) for key in ("by", "stratify", "column")]
        pool = limited(self.reader.num_samples, self.plan.limit, int(self.plan.split["seed"]))
        columns = {name: self.encoded(name, pool) for name in filter(None, needed)}
        found = assigned(self.reader, self.plan.split, columns, self._facts, pool)
        counts = self._parts(pool)
        if counts is None:
            return found
        number = self.reader.num_samples
        of_rows = {name: counts[np.searchsorted(pool, rows)] for name, rows in found.items()}
        self.empty = {name: rows[of_rows[name] == 0] for name, rows in found.items()}
        return {name: learning.samples_of(rows, of_rows[name], number) for name, rows in found.items()}

    @property
    def _facts(self) -> dict[str, FieldFacts]:
        return {name: field.facts for name, field in self.plan.fields.items()}

    def _parts(self, pool: Array) -> Array | None:
        """Return how many samples each row makes, kept in the user's cache; None where each makes one."""
        blocks = [self.plan.fields[name].block for name, field in self.fields.items() if field.learns]
        if not blocks:
            return None
        # The blocks too: where a model goes on from texts they are read in another way.
        place = cache.folder("parts", f"{cache.key(self.plan.fingerprint, blocks)}.npy")
        kept = cache.read_array(place)
        if kept is None or len(kept) != len(pool):
            kept = learning.parts_of(self.fields, self._facts, self.raw, pool)
            if kept is not None:
                cache.write_array(place, kept)
        return kept

    def encoded(self, name: str, rows: Array) -> Array:
        """Return a field of `rows` as the source has it, before any transform; raises `ProblemError`."""
        if self.fields[name].beside() is not None:
            return learning.beside(self.fields, self._facts, self.raw, name, rows)
        return self.fields[name].encode(self.raw(name, rows), self.plan.fields[name].facts)

    def raw(self, field: str, rows: Array) -> Any:
        """Return a field's values as the source has them; of fields that cut samples, which part is meant too."""
        component = self.fields[field]
        values = raw.read(self.reader, component, component.place(field), rows)
        return component.part(values, rows // self.reader.num_samples) if component.learns else values

    def is_light(self, field: str) -> bool:
        """Return whether reading the whole field decodes no files."""
        return raw.is_light(self.reader, self.fields[field], self.fields[field].place(field))

    @cached_property
    def unreadable(self) -> dict[int, str]:
        """The rows that cannot be decoded, with the reason; empty where such samples are errors.

        Found by decoding every sample once, kept in the user's cache. Raises `ProblemError` DAT332 where they are
        more than the dataset's limit allows.
        """
        heavy = [name for name in self.fields if not self.is_light(name)]
        if self.plan.on_corrupt.get("action") != "skip" or not heavy:
            return {}
        blocks = [self.plan.fields[name].block for name in heavy]
        place = cache.folder("unreadable", f"{cache.key(self.plan.fingerprint, heavy, blocks)}.json")
        kept = _kept(cache.read_text(place))
        if kept is None:
            kept = self._find_unreadable(heavy)
            cache.write_text(place, json.dumps(kept))
        self._refuse_many(kept)
        return kept

    def _find_unreadable(self, heavy: Iterable[str]) -> dict[int, str]:
        rows = np.sort(np.concatenate(list(self._assigned.values())))
        spans = [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]
        threads = ahead.num_threads()
        found: dict[int, str] = {}
        for name in heavy:
            tried = partial(self._tried, name)
            for part in ahead.in_order(tried, spans, threads, 2 * threads):
                found = part | found
        return dict(sorted(found.items()))

    def _tried(self, field: str, rows: Array) -> dict[int, str]:
        try:
            self.encoded(field, rows)
        except ProblemError as error:
            if len(rows) == 1:
                return {int(rows[0]): error.problem.title}
            # One of them is at fault: halves find it.
            middle = len(rows) // 2
            return self._tried(field, rows[:middle]) | self._tried(field, rows[middle:])
        return {}

    def skipped(self, split: str) -> list[Skipped]:
        """Return the samples of a split that cannot be read, and those that hold nothing."""
        empty = [
            Skipped(split, row, self.reader.where(row), "it is empty")
            for row in map(int, self.empty.get(split, ()))
        ]
        if not self.unreadable:
            return empty
        return empty + [
            Skipped(split, row, self.reader.where(row), self.unreadable[row])
            for row in map(int, self._assigned.get(split, ()))
            if row in self.unreadable
        ]

    def _refuse_many(self, unreadable: Mapping[int, str]) -> None:
        limit = self.plan.on_corrupt.get("limit", "1%")
        share = float(limit.rstrip("%")) / 100 if isinstance(limit, str) else None
        allowed = int(limit) if share is None else share * self.plan.num_samples
        if len(unreadable) > allowed:
            shown = list(unreadable.items())[:5]
            raise ProblemError(
                Problem(
                    "DAT332",
                    f"{len(unreadable)} unreadable samples are more than `limit: {limit}` allows",
                    at="on_corrupt",
                    label="at most so many",
                    notes=tuple(f"{self.reader.where(row)}: {reason}" for row, reason in shown),
                    helps=("repair or remove the files, or raise the limit",),
                ).under(self.path)
            )

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


def _kept(text: str | None) -> dict[int, str] | None:
    """Return what a cached file says, or None where there is none that can be understood."""
    try:
        return None if text is None else {int(row): str(reason) for row, reason in json.loads(text).items()}
    except (ValueError, AttributeError):
        return None


def _field(block: Mapping[str, Any]) -> Field:
    field = reading.parse("fields", dict(block))
    assert isinstance(field, Field)
    return field


def _transform(block: Mapping[str, Any]) -> Transform:
    transform = reading.parse("transforms", dict(block))
    assert isinstance(transform, Transform)
    return transform
