"""Fields that learn from the training split, and samples that are not one for each row.

A *sample* is a part of a row: number = row + part * rows of the source. If every row makes one sample, samples
and rows are the same numbers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from declare.contract.facts import FieldFacts, Reader
from declare.contract.kinds.field import Field
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array

Read = Callable[[str, Array], Any]
"""(field, rows or samples) -> raw values, of fields that cut samples with the part that is meant."""


@dataclass(frozen=True)
class FittedFields:
    """Facts completed from the training split, how many samples each row makes, and columns encoded since.

    Columns hold one value for each sample, those of a row side by side.
    """

    facts: dict[str, FieldFacts]
    counts: Array | None
    columns: dict[str, Array]


def fit_fields(
    fields: Mapping[str, Field],
    facts: Mapping[str, FieldFacts],
    read: Read,
    pool: Array,
    train: Array,
    num_rows: int,
) -> FittedFields:
    """Fit fields to the rows `train` of `pool`; then encode the fields that are aligned with them.

    `num_rows` are those of the source: `read` is asked for samples. Raises `ProblemError` with the field at the
    front of each problem's path.
    """
    known = dict(facts)
    for name, field in fields.items():
        if field.needs_fit:
            with _at(name, pool[train]):
                known[name] = field.fit_values(read(name, pool[train]), known[name])
    counts = parts_of(fields, known, read, pool)
    if counts is None:
        columns = _beside_all(fields, known, read, pool, pool[:0])
    else:
        samples = samples_of(pool, counts, num_rows)
        columns = _beside_all(fields, known, read, samples, pool[counts == 0])
    if counts is not None:
        for name, field in fields.items():
            if field.needs_fit:
                extra = known[name].extra | {"empty": int((counts == 0).sum())}
                known[name] = known[name].model_copy(update={"extra": extra})
    return FittedFields(known, counts, columns)


def _beside_all(
    fields: Mapping[str, Field], known: dict[str, FieldFacts], read: Read, samples: Array, empty: Array
) -> dict[str, Array]:
    """Return the columns of fields that are aligned with others, and complete their facts in `known`."""
    columns = {}
    for name, field in fields.items():
        if field.aligned_with() is None:
            continue
        if len(empty):
            with _at(name, empty):  # an entry without a place is a mistake there too
                encode_aligned(fields, known, read, name, empty)
        with _at(name, samples):
            column = encode_aligned(fields, known, read, name, samples)
            columns[name], known[name] = field.complete(column, known[name])
    return columns


def parts_of(
    fields: Mapping[str, Field], facts: Mapping[str, FieldFacts], read: Read, pool: Array
) -> Array | None:
    """Return how many samples each row of `pool` makes, None if each makes one.

    A row that one field makes nothing of makes no sample; else the field with most parts decides.
    """
    num_parts: Array | None = None
    for name, field in fields.items():
        counts = field.num_samples_per_row(read(name, pool), facts[name]) if field.needs_fit else None
        if counts is not None:
            num_parts = (
                counts
                if num_parts is None
                else np.maximum(num_parts, counts) * (num_parts > 0) * (counts > 0)
            )
    return num_parts


def encode_aligned(
    fields: Mapping[str, Field], facts: Mapping[str, FieldFacts], read: Read, name: str, rows: Array
) -> Array:
    """Return the encoded values of a field whose entries are aligned with another field."""
    other = fields[name].aligned_with() or ""
    if other not in fields or not fields[other].needs_fit:
        words = ", ".join(f"`{item}`" for item, field in fields.items() if field.needs_fit) or "none"
        title = f"`{other}` is not a text field of this dataset"
        helps = (f"name a text field: {words}",)
        raise ProblemError(Problem("REF201", title, at="of", label="no such text", helps=helps))
    places = fields[other].token_positions(read(other, rows), facts[other])
    return fields[name].encode_at(read(name, rows), facts[name], places)


def samples_of(rows: Array, counts: Array, number: int) -> Array:
    """Return the samples that rows make, in their order; `number` is that of all rows of the source."""
    repeated = np.repeat(rows, counts)
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    return np.asarray(repeated + (np.arange(len(repeated)) - starts) * number)


def positions_of(rows: Array, counts: Array) -> Array:
    """Return the positions of the samples of `rows` among those of all rows, which make `counts` samples each."""
    first = np.cumsum(counts) - counts
    repeated = counts[rows]
    within = np.arange(repeated.sum()) - np.repeat(np.cumsum(repeated) - repeated, repeated)
    return np.asarray(np.repeat(first[rows], repeated) + within)


class PartedReader(Reader):
    """A source whose rows make several samples or none: it is asked for samples."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.num_samples = reader.num_samples
        self.columns: Sequence[str] = reader.columns
        self.splits: Mapping[str, tuple[int, int]] = reader.splits
        self.folder = reader.folder
        self.reads_late = reader.reads_late

    def known_fields(self) -> dict[str, dict[str, Any]]:
        """Return what the source knows."""
        return self._reader.known_fields()

    def is_light(self, column: str) -> bool:
        """Return whether the whole column can be read cheaply."""
        return self._reader.is_light(column)

    def read(self, column: str, rows: Array | None = None) -> Any:
        """Return the values of the rows that samples are made of."""
        return self._reader.read(column, None if rows is None else np.asarray(rows) % self.num_samples)

    def where(self, row: int) -> str:
        """Return where a sample comes from, and which part of its row it is."""
        part, place = divmod(row, self.num_samples)
        return self._reader.where(place) + (f", part {part + 1}" if part else "")


@contextmanager
def _at(field: str, rows: Array) -> Iterator[None]:
    """Put problems raised inside at a field; they are about values of `rows`."""
    try:
        yield
    except ProblemError as error:
        raise FieldError(field, error.problems, rows) from None


class FieldError(ProblemError):
    """Problems of one field, with paths inside its block; `rows` are the examined rows."""

    def __init__(self, field: str, problems: tuple[Problem, ...], rows: Array) -> None:
        super().__init__(*problems)
        self.field = field
        self.rows = rows
