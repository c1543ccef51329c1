"""A split of a dataset as encoded arrays with its stored transforms applied."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Self

import numpy as np

from declare.contract.lengths import ends, lengths_name
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array
from declare.data.faults.quarantine import SkippedSample
from declare.data.read import prefetch
from declare.data.store import decoded_cache
from declare.data.store.dataset import Pool, none_left
from declare.ir.plan import DatasetPlan

__all__ = ["Pool", "SkippedSample", "Statistics", "Table"]

Statistics = Mapping[str, dict[str, list[float]]]
_BLOCK = 64
_TRIES = 1000
_PADDED = frozenset({"vector", "series", "video", "sequence"})


class Table:
    """One split: rows by position, columns by field; encoded, stored transforms applied."""

    def __init__(self, pool: Pool, split: str, statistics: Statistics) -> None:
        self._pool = pool
        self._split = split
        self._statistics = statistics
        self.rows = pool.rows.get(split, np.zeros(0, np.int64))
        self._arrays: dict[str, Array] = {}
        self._lengths: dict[str, Array] = {}

    @classmethod
    def open(cls, plan: DatasetPlan, split: str, statistics: Statistics) -> Self:
        """Open one split of a dataset."""
        return cls(Pool(plan), split, statistics)

    @property
    def num_samples(self) -> int:
        """Samples of the split."""
        return len(self.rows)

    @property
    def skipped_samples(self) -> list[SkippedSample]:
        """The samples of the split that cannot be read."""
        return self._pool.skipped_samples(self._split)

    def is_resident(self, field: str) -> bool:
        """Return whether `array` may hold the whole field: always but for heavy fields with `cache: none`."""
        return self._pool.plan.cache != "none" or self._pool.is_light(field)

    def array(self, field: str) -> Array:
        """Return the whole field [samples, ...], read once; heavy fields may be memory-mapped."""
        if field not in self._arrays:
            light = self._pool.is_light(field)
            self._arrays[field] = self._whole_field(field) if light else self._decoded_field(field)
        return self._arrays[field]

    def lengths(self, field: str) -> Array | None:
        """Return the steps of each sample [samples] of a field whose samples differ in length, None of others."""
        if not self._differs(field):
            return None
        self.array(field)
        return self._lengths[field]

    def _differs(self, field: str) -> bool:
        return self._pool.plan.fields[field].has_lengths

    def read(self, field: str, positions: Array) -> Array:
        """Return samples of a field by position in the split, decoded now."""
        return self._read(field, positions)[0]

    def _read(self, field: str, positions: Array) -> tuple[Array, Array | None]:
        """Return samples of a field, and their lengths if these differ."""
        encoded = self.encoded_values(field, positions)
        for index, transform in self._pool.stored_transforms(field, self._split):
            encoded = transform.apply(encoded, self._statistics.get(f"{index}.{field}", {}))
        lengths = ends(encoded, self._axis(field)) if self._differs(field) else None
        return self._zero_padding(field, self._to_single_precision(field, encoded)), lengths

    def _axis(self, field: str) -> int:
        """Return the axis of arrays [rows, ...] along which samples differ in length."""
        return 1 + (self._pool.plan.fields[field].shape.time_axis or 0)

    def sound(self, fields: Sequence[str], positions: Array) -> tuple[Array, dict[str, Array]]:
        """Return heavy fields of samples, with their lengths if these differ, and the positions that were read.

        If the dataset skips samples that cannot be read, one that turns out so while training is replaced by
        one drawn by the seed and its row: the same whenever and wherever it is met. Other splits lose it.
        """
        rows = self.rows[positions]
        if not self._pool.left_out(rows):
            try:
                return positions, self._take_fields(fields, positions)
            except ProblemError as error:
                if not self._pool.skips or error.problem.code == "DAT374":
                    raise
        bad = self._pool.leave_out(fields, self._split, np.unique(rows)) & set(map(int, rows))
        if not bad:  # it was not caused by a sample, or was over in a moment
            return positions, self._take_fields(fields, positions)
        if self._split != "train":
            rest = positions[~np.isin(rows, list(bad))]
            return self.sound(fields, rest) if len(rest) else (rest, self._empty_fields(fields))
        chosen = {row: self._substitute(fields, row) for row in bad}
        positions = np.array([chosen.get(int(self.rows[place]), place) for place in positions], np.int64)
        return self.sound(fields, positions)

    def _take_fields(self, fields: Sequence[str], positions: Array) -> dict[str, Array]:
        """Return fields of samples by name, and lengths that differ and that values do not show themselves."""
        columns = {}
        for name in fields:
            columns[name], lengths = self._read(name, positions)
            if lengths is not None and self._pool.plan.fields[name].shape.layout != "tokens":
                columns[lengths_name(name)] = lengths
        return columns

    def _empty_fields(self, fields: Sequence[str]) -> dict[str, Array]:
        """Return no sample of the fields; raises `ProblemError` DAT302 if the whole split cannot be read."""
        if np.isin(self.rows, list(self._pool.late)).all():
            raise ProblemError(none_left(self._split).with_prefix(self._pool.path))
        shapes = {name: self._pool.plan.fields[name].facts.shape.dims for name in fields}
        return {name: np.zeros((0, *(dim or 0 for dim in dims)), np.float32) for name, dims in shapes.items()}

    def _substitute(self, fields: Sequence[str], row: int) -> int:
        """Return the position of another sample that can be read."""
        generator = np.random.default_rng([int(self._pool.plan.split["seed"]), row])
        for _ in range(_TRIES):  # each that cannot be read counts, so that the limit ends it before
            place = int(generator.integers(len(self.rows)))
            other = self.rows[[place]]
            if int(other[0]) != row and int(other[0]) not in self._pool.leave_out(fields, self._split, other):
                return place
        problem = Problem(
            "DAT302",
            f"none of {_TRIES} training samples can be read",
            at="source",
            label="read from here",
            helps=("see what is wrong with them: `dcl data check SPEC`",),
        )
        raise ProblemError(problem.with_prefix(self._pool.path))

    def where(self, positions: Array) -> list[tuple[int, str]]:
        """Return (row, place) of samples."""
        return [(int(row), self._pool.reader.where(int(row))) for row in self.rows[positions]]

    def hanging(self, error: prefetch.StalledError, field: str, positions: Array) -> Problem:
        """Return the problem that reading a field of one of the samples does not finish."""
        return self._pool.hanging(error, field, list(map(int, self.rows[positions])))

    def encoded_values(self, field: str, positions: Array) -> Array:
        """Return samples of a field before any transform."""
        return self._pool.encoded_values(field, self.rows[positions])

    def expectation(self, field: str) -> Array | None:
        """Return the true expectation [samples, ...] of a field from the source; None if unknown.

        Nothing is known of a field that transforms change.
        """
        if self._pool.of_field(field, self._split):
            return None
        expectation = self._pool.reader.expectation(self._pool.fields[field].column_name(field), self.rows)
        return None if expectation is None else np.asarray(expectation, np.float32)

    def _to_single_precision(self, field: str, values: Array) -> Array:
        """Return numbers in single precision after all transforms; a target that it would change stays as it is."""
        if values.dtype != np.float64 or self._pool.plan.fields[field].double:
            return values
        with np.errstate(over="ignore"):
            return values.astype(np.float32)

    def _zero_padding(self, field: str, values: Array) -> Array:
        """Put zeros where samples that are shorter than others were padded with NaN."""
        facts = self._pool.plan.fields[field].facts
        shape = facts.shape
        padded = None in shape.dims or "lengths" in facts.extra
        if shape.layout in _PADDED and padded and values.dtype.kind == "f":
            return np.nan_to_num(values, copy=False, nan=0.0, posinf=None, neginf=None)
        return values

    def _whole_field(self, field: str) -> Array:
        values, lengths = self._read(field, np.arange(self.num_samples))
        if lengths is not None:
            self._lengths[field] = lengths
        return np.ascontiguousarray(values)

    def _decoded_field(self, field: str) -> Array:
        """Decode a heavy field once, into memory or into a memory-mapped file of the user's cache."""
        pool = self._pool
        stored = [
            (pool.plan.transforms[index], self._statistics.get(f"{index}.{field}", {}))
            for index, _ in pool.stored_transforms(field, self._split)
        ]
        form = [pool.plan.fields[field].block, pool.plan.fields[field].double]
        identity = (pool.identity(field), form, stored, self._split, self.rows)
        try:
            if self._differs(field):
                blocks = partial(self._pairs, field)
                values, lengths = decoded_cache.load_uneven(
                    identity, self.rows, blocks, self._axis(field), pool.plan.cache
                )
                self._lengths[field] = lengths
                return values
            return decoded_cache.load(identity, self.num_samples, self._blocks(field), pool.plan.cache)
        except prefetch.StalledError as error:
            raise ProblemError(self.hanging(error, field, np.asarray(error.item))) from None
        except decoded_cache.NoRoomError as error:
            raise ProblemError(error.problem.with_prefix(pool.path)) from None

    def _blocks(self, field: str) -> Iterator[Array]:
        return (values for values, _ in self._pairs(field))

    def _pairs(self, field: str) -> Iterator[tuple[Array, Array | None]]:
        """Yield all samples with their lengths, block by block."""
        starts = range(0, self.num_samples, _BLOCK)
        spans = (np.arange(start, min(start + _BLOCK, self.num_samples)) for start in starts)
        threads = prefetch.num_threads()
        return prefetch.in_order(lambda span: self._read(field, span), spans, threads, 2 * threads)
