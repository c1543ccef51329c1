"""Reading a whole dataset once: every sample of every field, unreadable ones and duplicates."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from declare.contract.component import plain
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array
from declare.data.check.duplicates import Twins
from declare.data.check.field_stats import ARRAYS, TEXTS, FieldStats
from declare.data.check.summary import DatasetSummary, Unreadable
from declare.data.facts.facts import gather
from declare.data.read import prefetch, raw_values
from declare.data.store.dataset import Pool
from declare.ir.facts import DatasetFacts
from declare.ir.plan import DatasetPlan, FieldPlan
from declare.language.spec import Corrupt, Dataset

_LIGHT, _HEAVY = 1024, 16
"""Samples that are read at once, of tables and of files."""


@dataclass
class Block:
    """Samples that were read together: encoded fields of those that can be, what is wrong with the others."""

    rows: Array
    values: dict[str, Array]
    bad: dict[int, tuple[str, Problem]] = field(default_factory=dict)


def open_for_scan(name: str, dataset: Dataset, seed: int) -> Pool:
    """Return the open dataset, in spite of unreadable samples; raises `ProblemError`."""
    lenient = dataset.model_copy(update={"on_corrupt": Corrupt(action="skip", limit="100%")})
    facts = gather(name, lenient, seed)
    return Pool(_plan(dataset, facts, seed), f"datasets.{name}")


def _plan(dataset: Dataset, facts: DatasetFacts, seed: int) -> DatasetPlan:
    split = plain(dataset.split)
    return DatasetPlan(
        source=dataset.source.dump(),
        fingerprint=facts.fingerprint,
        num_samples=facts.num_samples,
        fields={
            name: FieldPlan(block=facts.blocks[name], facts=field_facts, shape=field_facts.shape)
            for name, field_facts in facts.fields.items()
        },
        transforms=(),
        split=split | {"seed": seed if split.get("seed") is None else split["seed"]},
        splits=facts.splits,
        missing=facts.missing,
        cache="none",
        on_corrupt={"action": "error", "limit": 0},
        limit=dataset.limit,
        passed_over=facts.passed_over,
    )


def summarise(
    name: str, pool: Pool, targets: Collection[str], progress: Callable[[int], None]
) -> DatasetSummary:
    """Read every sample of an open dataset once; `progress` gets the number of samples since its last call."""
    splits = {row: split for split, rows in pool.rows.items() for row in map(int, rows)}
    rows = np.array(sorted(splits), np.int64)
    tallies = {name: FieldStats(name, pool) for name in pool.fields}
    passing = [name for name, item in pool.fields.items() if item.layout != "id"]
    for item in tallies.keys() - set(passing):
        # Names are numbered by all rows that are read together.
        tallies[item].take(pool.encoded_values(item, rows), np.array([splits[row] for row in map(int, rows)]))
    twins = Twins(_content(pool, targets), [item for item in targets if item in passing])
    unreadable: list[Unreadable] = []
    for block in _blocks(pool, passing, rows):
        for row, (item, problem) in block.bad.items():
            unreadable.append(
                Unreadable(
                    split=splits[row],
                    field=item,
                    where=pool.reader.where(row),
                    reason=_reason(problem),
                    code=problem.code,
                    helps=problem.helps,
                )
            )
        if len(block.rows):
            first = block.rows < pool.reader.num_samples
            _count(block, np.array([splits[row] for row in map(int, block.rows)]), (tallies, twins), first)
        progress(len(block.rows) + len(block.bad))
    return DatasetSummary(
        name=name,
        source=str(pool.plan.source["type"]),
        num_samples=len(splits),
        splits={split: len(rows) for split, rows in pool.rows.items()},
        fields=tuple(tally.summary() for tally in tallies.values()),
        unreadable=tuple(unreadable),
        duplicates=twins.summary(pool.reader.where),
        passed_over=pool.plan.passed_over,
    )


def _count(
    block: Block, splits: Array, counted: tuple[Mapping[str, FieldStats], Twins], first: Array
) -> None:
    """Count values of samples; texts, and what is compared, of the `first` part of each text alone."""
    tallies, twins = counted
    for name, values in block.values.items():
        whole = values.dtype == object and not first.all()  # a text is there for each of its parts
        tallies[name].take(values[first] if whole else values, splits[first] if whole else splits)
    compared = {
        name: tallies[name].strip_padding(block.values[name][first])
        for name in (*twins.fields, *twins.targets)
    }
    twins.take(block.rows[first], splits[first].tolist(), compared)


def _content(pool: Pool, targets: Collection[str]) -> list[str]:
    """Return the fields that make a sample what it is: images and signals, else all but targets and ids."""
    layouts = {name: item.layout for name, item in pool.fields.items() if name not in targets}
    arrays = [name for name, layout in layouts.items() if layout in ARRAYS and pool.fields[name].tells_apart]
    stated = {pool.plan.split.get(key) for key in ("by", "column")}
    rest = [name for name, layout in layouts.items() if layout not in {"id", "valid"} and name not in stated]
    return arrays or rest


def _blocks(pool: Pool, names: list[str], rows: Array) -> Iterator[Block]:
    size = _LIGHT if all(map(pool.is_light, pool.fields)) else _HEAVY
    spans = [rows[start : start + size] for start in range(0, len(rows), size)]
    threads = prefetch.num_threads()
    return prefetch.in_order(partial(_read, pool, names), spans, threads, 2 * threads)


def _read(pool: Pool, names: list[str], rows: Array) -> Block:
    """Read all fields of `rows`; if a sample cannot be read, the block is divided until that one is alone."""
    values: dict[str, Array] = {}
    for name in names:
        try:
            values[name] = _values(pool, name, rows)
        except ProblemError as error:
            if len(rows) == 1:
                return Block(rows[:0], {}, {int(rows[0]): (name, error.problem)})
            middle = len(rows) // 2
            return _join_blocks(_read(pool, names, rows[:middle]), _read(pool, names, rows[middle:]))
    return Block(rows, values)


def _values(pool: Pool, name: str, rows: Array) -> Array:
    """Return encoded values; texts unchanged, as arrays of bytes."""
    if pool.fields[name].layout not in TEXTS:
        return pool.encoded_values(name, rows)
    texts = np.empty(len(rows), object)
    for index, value in enumerate(pool.raw(name, rows)):
        texts[index] = np.frombuffer(raw_values.text_of(value).encode(), np.uint8)
    return texts


def _reason(problem: Problem) -> str:
    notes = [note for note in problem.notes if not note.startswith("looked for")]
    return "; ".join([problem.title, *notes[:1]])[:300]


def _join_blocks(one: Block, other: Block) -> Block:
    bad = one.bad | other.bad
    if not len(one.rows) or not len(other.rows):
        kept = one if len(one.rows) else other
        return Block(kept.rows, kept.values, bad)
    values = {name: _concatenate(values, other.values[name]) for name, values in one.values.items()}
    return Block(np.concatenate([one.rows, other.rows]), values, bad)


def _concatenate(one: Array, other: Array) -> Array:
    """Join samples; the shorter ones are padded with NaN."""
    if one.shape[1:] == other.shape[1:]:
        return np.concatenate([one, other])
    sizes = np.maximum(one.shape[1:], other.shape[1:])
    padded = [
        np.pad(
            part,
            [(0, 0), *((0, int(size) - have) for size, have in zip(sizes, part.shape[1:], strict=True))],
            constant_values=np.nan,
        )
        for part in (one, other)
    ]
    return np.concatenate(padded)
