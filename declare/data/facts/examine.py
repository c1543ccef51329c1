"""Examining a dataset: fields, facts, splits; heavy columns by a sample of their rows."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from declare.contract.component import plain
from declare.contract.facts import FieldFacts, Reader
from declare.contract.kinds.field import Field, Uses, resolve_fields
from declare.contract.kinds.source import file_stamp
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array
from declare.data.facts import sampler_orders
from declare.data.facts.split_items import split_items
from declare.data.read import encoded_columns, fitted_fields, raw_values
from declare.data.read import split as splitting
from declare.data.read.encoded_columns import class_counts, missing_rows, moments
from declare.data.read.open_reader import JoinedReader, open_reader
from declare.diagnostics.suggest import suggest
from declare.ir.facts import DatasetFacts
from declare.language.spec import Dataset
from declare.parsing.read_component import read_component

_MOMENTS = 512
"""Samples from which mean and deviation of large arrays are estimated."""
_OF_A_SAMPLE = frozenset({"DAT311", "DAT318", "DAT319", "DAT390", "DAT391", "DAT392"})
"""Codes of what is wrong with one sample, whatever the others are."""
_COUNTED = frozenset({"category", "labels", "id", "tags"})
Rows = Array


def examine(name: str, dataset: Dataset, split: Mapping[str, Any], known: tuple[str, Uses]) -> DatasetFacts:
    """Return the facts of a dataset by reading it; raises `ProblemError` with paths inside its block.

    `known` is its fingerprint, and what tasks do with its fields. What is wrong with several is raised at once.
    """
    reader = open_reader(dataset.source, split)
    fingerprint, uses = known
    fields = resolve_fields(field_components(dataset, reader, name), uses)
    pool = limit_rows(reader.num_samples, dataset.limit, int(split["seed"]))
    examined = _FactsCollector(dataset, reader, pool)
    for field_name, field in fields.items():
        examined.take(field_name, field)
    if examined.problems:
        raise ProblemError(*examined.problems)
    rows_of = assign_splits(reader, split, examined.columns, examined.facts, pool)
    shared_items = split_items(reader, fields, split, rows_of)
    positions = {name: np.searchsorted(pool, rows) for name, rows in rows_of.items()}
    by = split.get("by")
    groups = {by: len(np.unique(examined.columns[by]))} if by else {}
    counts = examined.fit_fields(fields, positions["train"])
    if counts is not None:
        positions = {name: fitted_fields.positions_of(rows, counts) for name, rows in positions.items()}
        splitting.refuse_empty(positions, len(pool))
    return DatasetFacts(
        fingerprint=fingerprint,
        num_samples=len(pool) if counts is None else int(counts.sum()),
        columns=tuple(reader.columns),
        blocks={name: field.dump() for name, field in fields.items()},
        fields={name: examined.of_splits(name, field, positions) for name, field in fields.items()},
        splits={name: len(rows) for name, rows in positions.items()},
        missing={
            name: {
                split_name: int(missing_rows(column[rows]).sum()) for split_name, rows in positions.items()
            }
            for name, column in examined.columns.items()
            if missing_rows(column).any()
        },
        groups=groups,
        passed_over=dict(reader.passed_over),
        source_splits=tuple(reader.splits),
        **sampler_orders.order_facts(uses, examined.facts, examined.columns, positions),
        constant_splits=encoded_columns.constant_splits(examined.columns, positions),
        split_ranges=encoded_columns.split_ranges(examined.columns, positions),
        split_items=shared_items,
        looked_at={str(path): file_stamp(path) for path in examined.files},
    )


class _FactsCollector:
    """Facts and encoded light columns of the fields looked at so far, and what is wrong with them."""

    def __init__(self, dataset: Dataset, reader: Reader, pool: Rows) -> None:
        self._dataset = dataset
        self._reader = reader
        self._pool = pool
        self._skips = plain(dataset.on_corrupt) != "error"
        self.facts: dict[str, FieldFacts] = {}
        self.columns: dict[str, Rows] = {}
        self.problems: list[Problem] = []
        self.files: list[Path] = []  # that a table names and that were read

    def take(self, name: str, field: Field) -> None:
        """Examine a field: the whole column if it is light or has names, else a sample of it."""
        rows = self._pool
        try:
            place = _column(field, name, self._reader)
            light = raw_values.is_light(self._reader, field, place) or field.layout in _COUNTED
            if not light:
                rows = spread(rows, field.num_fact_samples)
            values = self._read(field, place, rows)
            facts = field.infer_facts(_readable(field, values) if self._skips and not light else values)
            encodes = not field.needs_fit and field.aligned_with() is None
            if light and encodes and len(facts.shape.dims) <= 1:
                self.columns[name] = field.encode(values, facts)
            self.facts[name] = raw_values.with_reading(
                facts if light else _of_sample(facts), self._reader, place
            )
        except ProblemError as error:
            problems = (
                raw_values.with_reading_told(item, self._reader, field.column_name(name))
                for item in error.problems
            )
            self.problems += [self._with_place(problem, name, rows) for problem in problems]

    def _read(self, field: Field, place: str, rows: Rows) -> Any:
        """Return values of rows of the source; facts go by the files among them, too."""
        values = raw_values.read(self._reader, field, place, rows)
        numbers = isinstance(values, np.ndarray) and values.dtype != object
        if not numbers and not raw_values.source_lists_files(self._dataset.source):
            self.files += [value for value in values if isinstance(value, Path)]
        return values

    def fit_fields(self, fields: Mapping[str, Field], train: Rows) -> Rows | None:
        """Complete facts from the training split; return how many samples, and values of columns, each row makes."""
        number = self._reader.num_samples

        def read(name: str, samples: Rows) -> Any:
            field = fields[name]
            values = self._read(field, field.column_name(name), samples % number)
            parted = field.needs_fit and bool((samples >= number).any())
            return field.take_part(values, samples // number) if parted else values

        try:
            learned = fitted_fields.fit_fields(fields, self.facts, read, self._pool, train, number)
        except fitted_fields.FieldError as error:
            rows = error.rows % number
            raise ProblemError(
                *(self._with_place(item, error.field, rows) for item in error.problems)
            ) from None
        if learned.counts is not None:
            self._pool = np.repeat(self._pool, learned.counts)
            self.columns = {
                name: np.repeat(column, learned.counts, axis=0) for name, column in self.columns.items()
            }
        self.facts, self.columns = learned.facts, self.columns | learned.columns
        return learned.counts

    def _with_place(self, problem: Problem, name: str, rows: Rows) -> Problem:
        """Put a problem at the field, or at the source if the field is inferred, and name its sample."""
        if problem.row is not None:
            where = self._reader.where(int(rows[problem.row]))
            problem = replace(problem, notes=(f"it is in {where}", *problem.notes))
        if problem.at.startswith(("source", "fields", "split")):
            return problem
        return problem.with_prefix(f"fields.{name}" if name in self._dataset.fields else "source")

    def of_splits(self, name: str, field: Field, positions: Mapping[str, Rows]) -> FieldFacts:
        """Complete facts with class counts by split, and statistics of the training split alone."""
        try:
            return self._complete_facts(name, field, positions)
        except ProblemError as error:
            unplaced = (replace(problem, row=None) for problem in error.problems)
            raise ProblemError(
                *(self._with_place(problem, name, self._pool) for problem in unplaced)
            ) from None

    def _complete_facts(self, name: str, field: Field, positions: Mapping[str, Rows]) -> FieldFacts:
        facts, column = self.facts[name], self.columns.get(name)
        if facts.classes is not None and field.layout in _COUNTED and column is not None:
            number = len(facts.classes)
            counts = {split: class_counts(column[rows], number) for split, rows in positions.items()}
            extra = facts.extra | self._summary(field, column, positions["train"])
            return facts.model_copy(update={"counts": counts, "extra": extra})
        if field.layout == "mask" and facts.classes is not None:
            return facts.model_copy(update={"counts": self._pixels(name, field, positions)})
        place = field.column_name(name)
        if column is None and facts.mean is not None and raw_values.is_light(self._reader, field, place):
            train = positions["train"]
            rows = self._pool[train[:: max(1, len(train) // _MOMENTS)]]
            column = field.encode(raw_values.read(self._reader, field, place, rows), facts)
            return facts.model_copy(update=moments(column))
        if column is not None and column.dtype.kind == "f":
            return facts.model_copy(update=self._of_training(field, column, facts, positions["train"]))
        return facts

    def _of_training(self, field: Field, column: Rows, facts: FieldFacts, train: Rows) -> dict[str, Any]:
        """Return moments of the training split, and further facts of its field."""
        return {**moments(column[train]), "extra": facts.extra | self._summary(field, column, train)}

    def _summary(self, field: Field, column: Rows, train: Rows) -> dict[str, Any]:
        """Return a field's summary of its training split, given the `valid` fields."""
        layouts = {name: item.shape.layout for name, item in self.facts.items()}
        valid = {name: self.columns[name][train] for name in self.columns if layouts[name] == "valid"}
        return field.summary(column[train], valid)

    def _pixels(self, name: str, field: Field, positions: Mapping[str, Rows]) -> dict[str, tuple[int, ...]]:
        """Return pixels of each class by split; of many files, those of some training masks alone."""
        facts, place = self.facts[name], field.column_name(name)
        number = len(facts.classes or ())
        if not raw_values.is_light(self._reader, field, place) and len(self._pool) > field.num_fact_samples:
            positions = {"train": spread(positions["train"], field.num_fact_samples)}
        counts = {}
        for split, rows in positions.items():
            count = np.zeros(number, np.int64)
            for start in range(0, len(rows), _MOMENTS):
                samples = self._pool[rows[start : start + _MOMENTS]]
                values = self._read(field, place, samples)
                lenient = self._skips and not isinstance(values, np.ndarray)
                try:
                    maps = field.encode(_readable(field, values) if lenient else values, facts)
                except ProblemError as error:
                    located = (self._with_place(item, name, samples) for item in error.problems)
                    raise ProblemError(*(replace(item, row=None) for item in located)) from None
                count += np.bincount(maps[maps >= 0], minlength=number)[:number]
            counts[split] = tuple(count.tolist())
        return counts


def _of_sample(facts: FieldFacts) -> FieldFacts:
    """Return facts of a column of which only some rows were looked at: what is not among them is not known."""
    extra = {key: value for key, value in facts.extra.items() if key != "unused_marks"}
    return facts.model_copy(update={"extra": extra})


def field_components(dataset: Dataset, reader: Reader, name: str) -> dict[str, Field]:
    """Return the dataset's fields: the stated ones, completed by what the source knows, or all known ones."""
    known = reader.known_fields()
    if not dataset.fields and not known:
        raise ProblemError(
            Problem(
                "DAT331",
                f"the source of `{name}` does not know its fields",
                at="source",
                label="no types are known here",
                notes=(f"its columns are {', '.join(list(reader.columns)[:12])}",),
                helps=("state them under `fields:`",),
            )
        )
    if not dataset.fields:
        return {name: _parse_field(block) for name, block in known.items()}
    return {name: _complete_field(field, known.get(name)) for name, field in dataset.fields.items()}


def _parse_field(block: Mapping[str, Any]) -> Field:
    field = read_component("fields", block)
    assert isinstance(field, Field)
    return field


def _complete_field(field: Field, known: Mapping[str, Any] | None) -> Field:
    """Fill in parameters that the spec leaves at their defaults with what the source knows."""
    if known is None or known.get("type") != field.type_name():
        return field
    block = field.dump()
    defaults = {
        key: item.get_default(call_default_factory=True) for key, item in type(field).model_fields.items()
    }
    for key, value in known.items():
        if key != "type" and block.get(key) == plain(defaults.get(key)):
            block[key] = value
    return _parse_field(block)


def _column(field: Field, name: str, reader: Reader) -> str:
    place = field.column_name(name)
    if place in reader.columns:
        return place
    lacking = reader.lacking(place) if isinstance(reader, JoinedReader) else []
    if lacking:
        raise ProblemError(_missing_column_problem(place, lacking[0], name))
    near = suggest(place, list(reader.columns))
    raise ProblemError(
        Problem(
            "DAT308",
            f"the source has no column `{place}`",
            at=f"fields.{name}",
            on="key",
            label="read from here",
            notes=(f"its columns are {', '.join(list(reader.columns)[:12])}",),
            helps=(
                (f"did you mean `{near[0]}`? state `column: {near[0]}`",) if near else ("remove the field",)
            ),
        )
    )


def _missing_column_problem(place: str, split: str, name: str) -> Problem:
    return Problem(
        "DAT308",
        f"the file of `{split}` has no column `{place}`",
        at=f"fields.{name}",
        on="key",
        label="read from here",
        notes=("the files of the other splits have it",),
        helps=(f"add the column to the file of `split.{split}`, or remove the field",),
    )


def limit_rows(num_samples: int, limit: int | None, seed: int) -> Rows:
    """Return the rows that are used: all, or a sample of `limit` keyed by the seed, in order."""
    if limit is None or limit >= num_samples:
        return np.arange(num_samples)
    return np.sort(np.random.default_rng([seed, 0x11417]).permutation(num_samples)[:limit])


def assign_splits(
    reader: Reader,
    split: Mapping[str, Any],
    columns: Mapping[str, Rows],
    facts: Mapping[str, FieldFacts],
    pool: Rows,
) -> dict[str, Rows]:
    """Return the rows of each split, by the source's own parts, a column, or fractions.

    If the source has its own parts, fractions hold samples of its training part out for the splits that
    it lacks.
    """
    for key in ("by", "stratify", "column"):
        name = split.get(key)
        if name is not None and (name not in columns or columns[name].ndim > 1):
            raise ProblemError(_unsplittable(key, name, facts))
    seed = int(split["seed"])
    if reader.splits:
        of_split = {name: (pool >= start) & (pool < stop) for name, (start, stop) in reader.splits.items()}
        rows_by_split = {name: np.flatnonzero(inside) for name, inside in of_split.items()}
        splitting.refuse_empty(
            {"train": rows_by_split.get("train", np.zeros(0, np.int64))}, len(pool), at="source"
        )
        lacking = {
            name: split[name]
            for name in ("val", "test")
            if name not in rows_by_split and _share(split.get(name))
        }
        if lacking:
            train = rows_by_split["train"]
            kept = {name: values[train] for name, values in columns.items()}
            splits = splitting.assign(len(train), {**lacking, **_ways(split)}, kept, seed)
            rows_by_split |= {name: train[rows] for name, rows in splits.items()}
    elif split.get("column"):
        names = facts[split["column"]].classes
        if names is None:
            raise ProblemError(_unsplittable("column", split["column"], facts))
        rows_by_split = splitting.by_column(columns[split["column"]], names)
    else:
        rows_by_split = splitting.assign(len(pool), split, columns, seed)
    return {name: pool[rows_by_split[name]] for name in splitting.SPLITS if name in rows_by_split}


def _share(value: object) -> bool:
    return isinstance(value, int | float) and value > 0


def _ways(split: Mapping[str, Any]) -> dict[str, Any]:
    return {key: split.get(key) for key in ("by", "stratify")}


def _unsplittable(key: str, name: str, facts: Mapping[str, FieldFacts]) -> Problem:
    if name not in facts:
        near = suggest(name, list(facts))
        return Problem(
            "REF201",
            f"`split.{key}` names `{name}`, which is not a field",
            at=f"split.{key}",
            label="no such field",
            helps=((f"write `{near[0]}`",) if near else (f"name one of {', '.join(facts)}",)),
        )
    return Problem(
        "DAT313",
        f"`split.{key}` needs names or classes, `{name}` is {facts[name].shape.layout}",
        at=f"split.{key}",
        label="cannot group samples",
        helps=("name an `id` or `category` field",),
    )


def spread(rows: Rows, number: int) -> Rows:
    """Return at most `number` of the rows, spread over all of them."""
    return rows if len(rows) <= number else rows[np.linspace(0, len(rows) - 1, number).astype(np.int64)]


def _readable(field: Field, values: Any) -> list[Any]:
    """Leave out the samples that cannot be read; what is wrong with the column is still raised."""
    readable, reasons = [], []
    for value in values:
        try:
            field.infer_facts([value])
        except ProblemError as error:
            if error.problem.code in _OF_A_SAMPLE:
                reasons.append(f"{error.problem.title}; {'; '.join(error.problem.notes)}")
                continue
        readable.append(value)
    if not readable:
        notes = tuple(dict.fromkeys(reasons))[:4]
        title, helps = "none of the examined samples can be read", ("check the field's `type` and column",)
        raise ProblemError(Problem("DAT302", title, label="read from here", notes=notes, helps=helps))
    return readable
