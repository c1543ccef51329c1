"""Statistics of a target as its task learns it: after transforms and mask, from the training samples alone."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from declare.contract import strict_json
from declare.contract.facts import FieldFacts, OutputStatistics
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array
from declare.data.facts.examine import spread
from declare.data.read import cache, prefetch
from declare.data.read.fingerprints import cache_identity
from declare.data.store.dataset import Pool
from declare.data.store.statistics import fit_field, in_transform
from declare.ir.plan import DatasetPlan

_VERSION = 5
_ROWS = 4096
_FILES = 64
"""Samples that are decoded at once in the search for one that counts."""
_INDEXED = frozenset({"category", "id", "tags", "mask", "tokens"})


class TargetQuery(NamedTuple):
    """A target: its field, and the `valid` field that marks which samples count.

    With `exact` samples that cannot be read are left out, if the dataset skips them: every file is then decoded.
    Else some of many mask files stand for all.
    """

    field: str
    mask: str | None = None
    exact: bool = True


class TargetStatistics(BaseModel):
    """What is known of a target after its transforms.

    `outputs` are statistics of numbers, `counts` training samples (pixels, tokens) per class, `rates` the fraction of
    known values with each label. `fitted` are the statistics of its transforms, by `INDEX.FIELD`; `changed` counts by
    index the values of all splits that a transform of the kind `range` made others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    outputs: OutputStatistics | None = None
    counts: tuple[int, ...] | None = None
    rates: tuple[float, ...] | None = None
    fitted: dict[str, dict[str, list[float]]] = {}
    changed: dict[int, int] = {}

    def facts(self, field: FieldFacts, mask: str | None) -> FieldFacts:
        """Return the facts of the target's field with these statistics, of the samples that `mask` leaves."""
        update: dict[str, Any] = {"outputs": self.outputs}
        if self.counts is not None:
            update["counts"] = field.counts | {"train": self.counts}
        if self.rates is not None:
            update["extra"] = field.extra | {"rates": {mask or "": list(self.rates)}}
        return field.model_copy(update=update)


def target_statistics(plan: DatasetPlan, path: str, target: TargetQuery) -> TargetStatistics:
    """Return the statistics of a target of the dataset at `path`, kept in the user's cache.

    Raises `ProblemError`: DAT336 and DAT316 for values that a transform makes nothing of, in any split; what reading
    the dataset raises.
    """
    place = _cache_file(plan, path, target)
    kept = cache.read_text(place)
    if kept is not None:
        try:
            return TargetStatistics.model_validate_json(kept)
        except ValidationError:
            place.unlink(missing_ok=True)
    statistics = measure_target(Pool(plan, path), target)
    cache.write_text(place, statistics.model_dump_json())
    return statistics


def splits_without_targets(
    plan: DatasetPlan, path: str, target: TargetQuery, uncounted: tuple[int, ...]
) -> tuple[str, ...]:
    """Return the splits with samples of which no target counts, kept in the user's cache.

    `uncounted` are values of the target that never count. Reads each split to its first target that does. Raises
    what reading the dataset raises.
    """
    place = _cache_file(plan, path, target, uncounted)
    kept = cache.read_text(place)
    if kept is not None:
        return tuple(json.loads(kept))
    reader = _TargetReader(Pool(plan, path), target)
    splits = tuple(split for split in plan.splits if reader.is_without_targets(split, uncounted))
    cache.write_text(place, strict_json.dumps(splits))
    return splits


def _cache_file(plan: DatasetPlan, path: str, target: TargetQuery, *more: object) -> Path:
    """Return the file in the cache for what is asked of a target."""
    vocabulary = plan.fields[target.field].facts.extra.get("vocabulary")
    transforms = [
        block
        for block in plan.transforms
        if target.field in (block.get("field"), *(block.get("fields") or ()))
    ]
    blocks = [plan.fields[name].block for name in (target.field, target.mask) if name]
    named = {"image", "mask"} & {
        plan.fields[name].block["type"] for name in (target.field, target.mask) if name
    }
    fields = [name for name in (target.field, target.mask) if name]
    identity = Pool(plan, path).identity(*fields) if named else cache_identity(plan)
    asked = [list(plan.transforms), transforms, vocabulary, *more]
    key = cache.key(_VERSION, identity, plan.split, list(target), blocks, asked)
    return cache.folder("targets", f"{key}.json")


def measure_target(pool: Pool, target: TargetQuery) -> TargetStatistics:
    """Return the statistics of a target of an open dataset; raises as `target_statistics`."""
    return _TargetReader(pool, target).statistics()


class _TargetReader:
    """Reads a target in blocks, as the task will see it."""

    def __init__(self, pool: Pool, target: TargetQuery) -> None:
        self._pool, self._target = pool, target
        self._light = pool.is_light(target.field)
        self._fitted: dict[str, dict[str, list[float]]] = {}
        self._changed: dict[int, int] = {}

    def statistics(self) -> TargetStatistics:
        """Return the statistics of the training split; raises if a value of any split has none."""
        pool, field = self._pool, self._target.field
        self._fitted = fit_field(pool, field)
        tally: _Moments | _ClassCounts = _Moments()
        facts = pool.plan.fields[field].facts
        number = facts.shape.classes if facts.classes is None else len(facts.classes)
        if number is not None:
            tally = _ClassCounts(number, indexed=facts.shape.layout in _INDEXED)
        for values in self._blocks("train", self._rows("train")):
            # Numbers beyond single precision, whose squares may be none, are a finding of their field.
            with np.errstate(over="ignore", invalid="ignore"):
                tally.add(values)
        if self._light and pool.stored_transforms(field, "val"):
            for split in pool.rows_by_split:
                for _ in self._blocks(split, self._rows(split)) if split != "train" else ():
                    pass  # whether each value has an image is all that is asked
        changed = dict(self._changed)
        if isinstance(tally, _ClassCounts):
            return TargetStatistics(
                counts=tally.counts(), rates=tally.rates(), fitted=self._fitted, changed=changed
            )
        return TargetStatistics(outputs=tally.statistics(), fitted=self._fitted, changed=changed)

    def is_without_targets(self, split: str, uncounted: tuple[int, ...]) -> bool:
        """Return whether a split has samples and none of their values counts; False if one cannot be read."""
        rows = self._pool.rows_by_split[split]
        try:
            self._fitted = self._fitted or fit_field(self._pool, self._target.field)
            for values in self._blocks(split, rows, _ROWS if self._light else _FILES):
                counts = np.isfinite(values) if values.dtype.kind == "f" else values >= 0
                if (counts & ~np.isin(values, uncounted)).any():
                    return False
        except ProblemError:
            return False
        return len(rows) > 0

    def _blocks(self, split: str, rows: Array, step: int = _ROWS) -> Iterator[Array]:
        spans = [rows[start : start + step] for start in range(0, len(rows), step)]
        if self._light:
            return (self._block(split, span) for span in spans)
        return self._decode_spans(split, spans)

    def _decode_spans(self, split: str, spans: list[Array]) -> Iterator[Array]:
        threads = prefetch.num_threads()
        try:
            yield from prefetch.in_order(lambda span: self._block(split, span), spans, threads, threads)
        except prefetch.StalledError as error:
            rows = list(map(int, np.asarray(error.item)))
            raise ProblemError(self._pool.hanging(error, self._target.field, rows)) from None

    def _rows(self, split: str) -> Array:
        """Return the rows of a split, each once; of many mask files some, unless all are asked for."""
        rows, field = self._pool.rows_by_split[split], self._pool.fields[self._target.field]
        if field.layout == "mask" and not self._light and not self._target.exact:
            rows = spread(rows, field.num_fact_samples)
        unreadable = np.fromiter(self._pool.unreadable if self._target.exact else (), np.int64)
        return rows[~np.isin(rows, unreadable)] if len(unreadable) else rows

    def _block(self, split: str, rows: Array) -> Array:
        field = self._target.field
        values = self._pool.encoded_values(field, rows)
        for index, transform in self._pool.stored_transforms(field, split):
            before = values
            try:
                values = transform.apply(before, self._fitted.get(f"{index}.{field}", {}))
            except ProblemError as error:
                place = (field, split)
                placed = (in_transform(problem, self._pool, place, index) for problem in error.problems)
                raise ProblemError(*placed) from None
            self._compare(before, values, split, index)
        return self._apply_mask(values, rows)

    def _compare(self, before: Array, values: Array, split: str, index: int) -> None:
        """Count what a transform made others; raises DAT316 if it made a finite value one that is not."""
        transform = self._pool.transforms[index]
        if transform.effect == "places" or values.shape != before.shape or values.dtype.kind != "f":
            return
        lost = int((np.isfinite(before) & ~np.isfinite(values)).sum())
        if lost:
            problem = _not_finite(transform.type_name(), lost)
            raise ProblemError(in_transform(problem, self._pool, (self._target.field, split), index))
        if transform.effect == "range":
            others = int((np.isfinite(before) & (before != values)).sum())
            self._changed[index] = self._changed.get(index, 0) + others

    def _apply_mask(self, values: Array, rows: Array) -> Array:
        """Return values with what the mask leaves out marked as missing."""
        if self._target.mask is None:
            return values
        valid = self._pool.encoded_values(self._target.mask, rows).astype(bool)
        valid = valid.reshape(valid.shape + (1,) * (values.ndim - valid.ndim))
        return np.asarray(np.where(valid, values, np.nan if values.dtype.kind == "f" else -1), values.dtype)


def _not_finite(name: str, number: int) -> Problem:
    what = "a value" if number == 1 else f"{number} values"
    return Problem(
        "DAT316",
        f"`{name}` makes {what} of a target infinite or no number",
        label="has no value there",
        helps=("change its parameters, or list such values under the field's `missing`",),
    )


class _Moments:
    """Count, mean, squared deviations and range of each output, added up in double precision."""

    def __init__(self) -> None:
        self._known: Any = None

    def add(self, values: Array) -> None:
        """Take in values [rows] or [rows, ..., outputs]; what is not finite is left out."""
        flat = values.astype(np.float64).reshape(-1, values.shape[-1] if values.ndim > 1 else 1)
        finite = np.isfinite(flat)
        known = finite.sum(0)
        mean = np.where(finite, flat, 0).sum(0) / np.maximum(known, 1)
        squares = (np.where(finite, flat - mean, 0) ** 2).sum(0)
        low = np.where(finite, flat, np.inf).min(0, initial=np.inf)
        high = np.where(finite, flat, -np.inf).max(0, initial=-np.inf)
        if self._known is None:
            self._known, self._mean, self._squares, self._low, self._high = known, mean, squares, low, high
            return
        # Chan, Golub and LeVeque 1979: moments of two parts together, with no sum of large squares.
        total = np.maximum(self._known + known, 1)
        gap = mean - self._mean
        self._squares = self._squares + squares + gap**2 * self._known * known / total
        self._mean = self._mean + gap * known / total
        self._known = self._known + known
        self._low, self._high = np.minimum(self._low, low), np.maximum(self._high, high)

    def statistics(self) -> OutputStatistics | None:
        """Return the statistics; None if there was no sample."""
        if self._known is None:
            return None
        seen = self._known > 0
        std = np.sqrt(self._squares / np.maximum(self._known, 1))
        columns = (self._mean, std, np.where(seen, self._low, 0), np.where(seen, self._high, 0))
        mean, std, low, high = (tuple(map(float, column)) for column in columns)
        known = tuple(map(int, self._known))
        return OutputStatistics(known=known, mean=mean, std=std, minimum=low, maximum=high)


class _ClassCounts:
    """Samples of each class: indices (-1 is missing), or columns of 0 and 1 (NaN is missing)."""

    def __init__(self, number: int, *, indexed: bool) -> None:
        self._total = np.zeros(number, np.int64)
        self._known = np.zeros(number, np.int64)
        self._indexed = indexed

    def add(self, values: Array) -> None:
        """Take in samples [rows, ...]."""
        if self._indexed:
            self._total += np.bincount(values[values >= 0], minlength=len(self._total))[: len(self._total)]
        else:
            self._total += np.nansum(values, axis=0).astype(np.int64)
            self._known += (~np.isnan(values)).sum(0)

    def counts(self) -> tuple[int, ...]:
        """Return the samples of each class."""
        return tuple(self._total.tolist())

    def rates(self) -> tuple[float, ...] | None:
        """Return the fraction of known values with each label; None for indices."""
        return None if self._indexed else tuple((self._total / np.maximum(self._known, 1)).tolist())
