"""An open dataset: its reader, its fields, and the rows of each split, samples that cannot be read left out."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from declare.contract import strict_json
from declare.contract.facts import FieldFacts, Reader
from declare.contract.kinds.field import Field
from declare.contract.kinds.source import files_stamp
from declare.contract.kinds.transform import Transform
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array
from declare.data.facts.examine import assign_splits, limit_rows
from declare.data.faults.file_stamps import Stamps, changed_file
from declare.data.faults.quarantine import Quarantine, SkippedSample
from declare.data.faults.stalled_reads import hangs
from declare.data.read import cache, fitted_fields, prefetch, raw_values
from declare.data.read.fingerprints import cache_identity
from declare.data.read.open_reader import open_reader
from declare.ir.plan import DatasetPlan
from declare.parsing.read_component import read_component

_BLOCK = 32
_FEW = 3
"""Files that may all be looked at for any sample: those of the splits."""


class Pool:
    """An open dataset: its reader, fields and the rows of each split."""

    def __init__(self, plan: DatasetPlan, path: str = "", folder: Path | None = None) -> None:
        self.plan = plan
        self.path = path
        """The path of the dataset's block in the spec, for messages."""
        self.folder = folder
        """Where traces of faults are left."""
        self.stamps = Stamps({})
        """The files as they were when the run began, if they are watched."""
        self.quarantine = Quarantine()
        self._taking = Lock()
        self.fields: dict[str, Field] = {name: _field(field.block) for name, field in plan.fields.items()}
        self.reader: Reader = self._open_source()
        self.transforms: tuple[Transform, ...] = tuple(_transform(block) for block in plan.transforms)

        self._by_file: dict[str, bool] = {}
        self.empty: dict[str, Array] = {}
        """Rows by split that make no sample, once the splits are known."""

    def _open_source(self) -> Reader:
        """Open the source."""
        source = read_component("sources", self.plan.source)
        reader: Reader = open_reader(source, self.plan.split)
        learns = any(field.needs_fit for field in self.fields.values())
        return fitted_fields.PartedReader(reader) if learns else reader

    @cached_property
    def rows(self) -> dict[str, Array]:
        """The rows of each split, in order.

        If the dataset skips samples that cannot be read, each of them in the training split is replaced by
        a row drawn by the seed, so that the number of steps stays; other splits lose them.
        """
        if not self.unreadable:
            return self._rows_with_unreadable
        broken = np.fromiter(self.unreadable, np.int64)
        readable = {name: rows[~np.isin(rows, broken)] for name, rows in self._rows_with_unreadable.items()}
        for name, rows in self._rows_with_unreadable.items():
            if len(rows) and not len(readable[name]):
                raise ProblemError(none_left(name).with_prefix(self.path))
        train, whole = self._rows_with_unreadable["train"].copy(), readable["train"]
        for place in np.flatnonzero(np.isin(train, broken)):
            generator = np.random.default_rng([int(self.plan.split["seed"]), int(train[place])])
            train[place] = whole[generator.integers(len(whole))]
        return readable | {"train": train}

    @cached_property
    def _rows_with_unreadable(self) -> dict[str, Array]:
        rows, positions = self._assign_rows(), self.plan.split.get("positions")
        return {name: part[positions[name]] for name, part in rows.items()} if positions else rows

    def _assign_rows(self) -> dict[str, Array]:
        """Return the samples of each split; of those of a rehearsal, the plan names the `positions` to take."""
        needed = [self.plan.split.get(key) for key in ("by", "stratify", "column")]
        pool = limit_rows(self.reader.num_samples, self.plan.limit, int(self.plan.split["seed"]))
        columns = {name: self.encoded_values(name, pool) for name in filter(None, needed)}
        rows_by_split = assign_splits(self.reader, self.plan.split, columns, self._facts, pool)
        counts = self._parts(pool)
        if counts is None:
            return rows_by_split
        number = self.reader.num_samples
        of_rows = {name: counts[np.searchsorted(pool, rows)] for name, rows in rows_by_split.items()}
        self.empty = {name: rows[of_rows[name] == 0] for name, rows in rows_by_split.items()}
        of_samples = fitted_fields.samples_of
        return {name: of_samples(rows, of_rows[name], number) for name, rows in rows_by_split.items()}

    @property
    def rows_by_split(self) -> dict[str, Array]:
        """Return the rows of each split, including unreadable ones; nothing is decoded."""
        return self._rows_with_unreadable

    @property
    def _facts(self) -> dict[str, FieldFacts]:
        return {name: field.facts for name, field in self.plan.fields.items()}

    def _parts(self, pool: Array) -> Array | None:
        """Return how many samples each row makes, kept in the user's cache; None if each makes one."""
        blocks = [self.plan.fields[name].block for name, field in self.fields.items() if field.needs_fit]
        if not blocks:
            return None
        # The blocks too: texts that a model continues are read in another way.
        place = cache.folder("parts", f"{cache.key(cache_identity(self.plan), blocks)}.npy")
        kept = cache.read_array(place)
        if kept is None or len(kept) != len(pool):
            kept = fitted_fields.parts_of(self.fields, self._facts, self.raw, pool)
            if kept is not None:
                cache.write_array(place, kept)
        return kept

    def encoded_values(self, name: str, rows: Array) -> Array:
        """Return a field of `rows` as the source has it, before any transform.

        Raises `ProblemError` that names the sample, if one is at fault (DAT311), or a file that is another one
        than when the run began (DAT374).
        """
        try:
            values = self._encode(name, rows)
        except ProblemError as error:
            raise ProblemError(*(self._with_sample(item, name, rows) for item in error.problems)) from None
        if self.stamps.files and (self.reader.reads_late or not self.is_light(name)):
            self._refuse_changed(name, rows)
        return values

    def _encode(self, name: str, rows: Array) -> Array:
        if self.fields[name].aligned_with() is not None:
            return fitted_fields.encode_aligned(self.fields, self._facts, self.raw, name, rows)
        return self.fields[name].encode(self.raw(name, rows), self.plan.fields[name].facts)

    def _with_sample(self, problem: Problem, name: str, rows: Array) -> Problem:
        """Name the sample that a problem of a field of `rows` is about, and what became of its file."""
        problem = raw_values.with_reading_told(problem, self.reader, self.fields[name].column_name(name))
        index = 0 if len(rows) == 1 else problem.row
        notes = problem.notes
        if index is not None and index < len(rows):
            row = int(rows[index])
            of = self.path.rpartition(".")[2]
            notes += (f"sample {row} of `{of}`: {self.reader.where(row)}" if of else self.reader.where(row),)
            notes += tuple(filter(None, map(self.stamps.difference, self._files(name, rows[[index]]))))
        at = problem.at if problem.at.startswith(("source", "fields", "split")) else f"fields.{name}"
        return replace(problem, notes=notes, at=at, row=None).with_prefix(self.path)

    def _files(self, name: str, rows: Array) -> list[Path]:
        """Return the files that a heavy field of `rows` is read from, as far as that is known."""
        if not self._names_files(name):
            return list(map(Path, self.stamps.files)) if len(self.stamps.files) <= _FEW else []
        return [value for value in self.raw(name, rows) if isinstance(value, Path)]

    def _names_files(self, name: str) -> bool:
        """Return whether a field's raw values are file names; cached, since a first value may cost a read."""
        if name not in self._by_file:
            self._by_file[name] = isinstance(self.raw(name, np.zeros(1, np.int64))[0], Path)
        return self._by_file[name]

    def _refuse_changed(self, name: str, rows: Array) -> None:
        for path in self._files(name, rows):
            difference = self.stamps.difference(path)
            if difference is not None:
                raise ProblemError(changed_file(path, difference).with_prefix(self.path))

    def raw(self, field: str, rows: Array) -> Any:
        """Return a field's values as the source has them; of fields that cut samples, which part is meant too."""
        component = self.fields[field]
        values = raw_values.read(self.reader, component, component.column_name(field), rows)
        return component.take_part(values, rows // self.reader.num_samples) if component.needs_fit else values

    def identity(self, *fields: str) -> str:
        """Return what entries of the cache that are made of fields go by: the source's files, and those it names.

        Raises what reading the names raises.
        """
        stamps = [cache_identity(self.plan)]
        source = read_component("sources", self.plan.source)
        for name in fields if not raw_values.source_lists_files(source) else ():
            if not self.is_light(name) and self._names_files(name):
                values = self.raw(name, np.arange(self.reader.num_samples))
                stamps.append(files_stamp(value for value in values if isinstance(value, Path)))
        return " ".join(stamps)

    def texts_of(self, samples: Array) -> list[int]:
        """Return the row of the source that each sample is a part of."""
        rows: list[int] = (samples % max(1, self.reader.num_samples)).tolist()
        return rows

    def is_light(self, field: str) -> bool:
        """Return whether reading the whole field decodes no files."""
        return raw_values.is_light(self.reader, self.fields[field], self.fields[field].column_name(field))

    @cached_property
    def unreadable(self) -> dict[int, str]:
        """The rows that cannot be decoded, with the reason; empty if such samples are errors.

        Found by decoding every sample once, kept in the user's cache. Raises `ProblemError` DAT332 if they are
        more than the dataset's limit allows.
        """
        heavy = [name for name in self.fields if not self.is_light(name)]
        if not self.skips or not heavy:
            return {}
        blocks = [self.plan.fields[name].block for name in heavy]
        place = cache.folder("unreadable", f"{cache.key(self.identity(*heavy), heavy, blocks)}.json")
        kept = _cached_errors(cache.read_text(place))
        if kept is None:
            kept = self._find_unreadable(heavy)
            cache.write_text(place, strict_json.dumps(kept))
        self._refuse_many(kept)
        return kept

    def _find_unreadable(self, heavy: Iterable[str]) -> dict[int, str]:
        rows = np.sort(np.concatenate(list(self._rows_with_unreadable.values())))
        spans = [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]
        threads = prefetch.num_threads()
        reasons: dict[int, str] = {}
        for name in heavy:
            tried = partial(self._try_encode, name)
            try:
                for part in prefetch.in_order(tried, spans, threads, 2 * threads):
                    reasons = part | reasons
            except prefetch.StalledError as error:
                raise ProblemError(self.hanging(error, name, list(map(int, error.item)))) from None  # type: ignore[call-overload]
        return dict(sorted(reasons.items()))

    def hanging(self, error: prefetch.StalledError, field: str, rows: list[int]) -> Problem:
        """Return the problem that reading a field of one of `rows` does not finish."""

        def read(row: int) -> object:
            return self._encode(field, np.array([row]))

        problem = hangs(error, self.path, (read, rows), self.folder)
        places = tuple(f"sample {row}: {self.reader.where(row)}" for row in rows[:8])
        named = tuple(note for note in places if f"{note.partition(':')[0]} of" in problem.title) or places
        return replace(problem, notes=(*named, *problem.notes))

    @property
    def skips(self) -> bool:
        """Whether samples that cannot be read are left out."""
        return self.plan.on_corrupt.get("action") == "skip"

    def leave_out(self, fields: Iterable[str], split: str, rows: Array) -> set[int]:
        """Return the rows that cannot be read, put into quarantine; raises `ProblemError` DAT332 beyond the limit."""
        late = self.late
        rows = rows[~np.isin(rows, list(late))] if late else rows
        reasons: dict[int, str] = {}
        for name in fields:
            reasons = self._try_encode(name, rows) | reasons if len(rows) else reasons
        self.take_late(
            *(SkippedSample(split, row, self.reader.where(row), reasons[row], late=True) for row in reasons)
        )
        return set(reasons) | set(late)

    def take_late(self, *samples: SkippedSample) -> None:
        """Put samples into quarantine that turned out to be unreadable.

        Raises `ProblemError` DAT332 beyond the limit, and takes none: a run whose disk was away can continue.
        """
        with self._taking:
            late = self.late | {item.row: item.reason for item in samples}
            if self.skips:
                self._refuse_many(self.unreadable | late)
            self.quarantine.add(self._name, *samples)

    @property
    def late(self) -> dict[int, str]:
        """The rows that were found to be unreadable during the run, with the reason."""
        return self.quarantine.late(self._name)

    def left_out(self, rows: Array) -> bool:
        """Return whether some of the rows are in quarantine because they could not be read before."""
        return self.skips and not self.late.keys().isdisjoint(map(int, rows))

    @property
    def _name(self) -> str:
        return self.path.rpartition(".")[2]

    def _try_encode(self, field: str, rows: Array) -> dict[int, str]:
        try:
            self.encoded_values(field, rows)
        except ProblemError as error:
            if error.problem.code == "DAT374":  # it can be read, but is another one
                raise
            if len(rows) == 1:
                return {int(rows[0]): _reason(error.problem)}
            # One of them is at fault: halves find it.
            middle = len(rows) // 2
            return self._try_encode(field, rows[:middle]) | self._try_encode(field, rows[middle:])
        return {}

    def skipped_samples(self, split: str) -> list[SkippedSample]:
        """Return the samples of a split that cannot be read, and those that hold nothing."""
        empty = [
            SkippedSample(split, row, self.reader.where(row), "it is empty")
            for row in map(int, self.empty.get(split, ()))
        ]
        if not self.unreadable:
            return empty
        return empty + [
            SkippedSample(split, row, self.reader.where(row), self.unreadable[row])
            for row in map(int, self._rows_with_unreadable.get(split, ()))
            if row in self.unreadable
        ]

    def _refuse_many(self, unreadable: Mapping[int, str]) -> None:
        limit = self.plan.on_corrupt.get("limit", "1%")
        share = float(limit.rstrip("%")) / 100 if isinstance(limit, str) else None
        allowed = int(limit) if share is None else share * self.plan.num_samples
        if len(unreadable) > allowed:
            shown = list(unreadable.items())[:20]
            more = (f"and {len(unreadable) - 20} more",) if len(unreadable) > 20 else ()
            raise ProblemError(
                Problem(
                    "DAT332",
                    f"{len(unreadable)} unreadable samples are more than `limit: {limit}` allows",
                    at="on_corrupt",
                    label="at most so many",
                    notes=(*(f"{self.reader.where(row)}: {reason}" for row, reason in shown), *more),
                    helps=("repair or remove the files, or raise the limit",),
                ).with_prefix(self.path)
            )

    def stored_transforms(self, field: str, split: str) -> list[tuple[int, Transform]]:
        """Return the transforms that are applied once to what is stored, with their places in the list."""
        steps = []
        for index, transform in self.of_field(field, split):
            if not transform.stored:
                break
            steps.append((index, transform))
        return steps

    def batch_transforms(self, field: str, split: str) -> list[tuple[int, Transform]]:
        """Return the transforms that are applied to each batch: from the first that is not stored on."""
        return self.of_field(field, split)[len(self.stored_transforms(field, split)) :]

    def array_transforms(self, field: str, split: str) -> list[tuple[int, Transform]]:
        """Return the transforms that need no batch: all but those that draw for each sample."""
        return [(index, item) for index, item in self.of_field(field, split) if item.has_apply()]

    def of_field(self, field: str, split: str) -> list[tuple[int, Transform]]:
        """Return the transforms of a field that a split gets, in order."""
        side = "train" if split == "train" else "eval"
        return [
            (index, transform)
            for index, transform in enumerate(self.transforms)
            if field in ({transform.field} if transform.field else set(transform.fields or ()))
            and transform.on in {"all", side}
        ]


def none_left(split: str) -> Problem:
    """Return the finding that no sample of a split can be read."""
    helps = ("repair or restore the files: nothing can be trained or measured on them",)
    return Problem("DAT302", f"none of the samples of `{split}` can be read", at="source", helps=helps)


def _reason(problem: Problem) -> str:
    """Return a problem in one line: its title and the decoder's message."""
    return "; ".join([problem.title, *problem.notes[:1]])[:200]


def _cached_errors(text: str | None) -> dict[int, str] | None:
    """Return the contents of a cached file, or None if it cannot be parsed."""
    try:
        return None if text is None else {int(row): str(reason) for row, reason in json.loads(text).items()}
    except (ValueError, AttributeError):
        return None


def _field(block: Mapping[str, Any]) -> Field:
    field = read_component("fields", block)
    assert isinstance(field, Field)
    return field


def _transform(block: Mapping[str, Any]) -> Transform:
    transform = read_component("transforms", block)
    assert isinstance(transform, Transform)
    return transform
