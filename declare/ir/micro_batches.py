"""How the batches of a phase are divided: micro-batches, their processes, and the rows of each."""

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise, zip_longest
from typing import Any

from declare.contract.shapes import Shape
from declare.ir.plan import ModulePlan, PhasePlan, Plan
from declare.parsing.read_component import read_component

Rows = dict[str, int]
"""Dataset -> rows."""


def num_micro_batches(plan: Plan, phase: PhasePlan, processes: int) -> int:
    """Return the number of micro-batches that each process makes of its part of a batch.

    With `determinism: exact` the phase's `accumulate` counts those of all processes, so that the number of
    processes does not change where a batch is cut.
    """
    return max(1, phase.accumulate // processes) if plan.hardware.determinism == "exact" else phase.accumulate


def group_size(phase: PhasePlan) -> int:
    """Return the number of adjacent samples that must stay together."""
    return read_component("samplers", phase.sampler).group_size


def rank_bounds(groups: int, rank: int, processes: int, micro_batches: int) -> list[tuple[int, int]]:
    """Return the bounds of a process's part of each of `micro_batches` into which `groups` are divided.

    The parts of all processes are what one process would take for that micro-batch: layers and losses that look at
    it as a whole see the same. If there are too few groups for a part each, all make fewer micro-batches.
    """
    spans = []
    for first, last in _cut(0, groups, min(micro_batches, max(1, groups // processes))):
        spans.append(_cut(first, last, processes)[rank])
    return spans


def share(groups: int, rank: int, processes: int, micro_batches: int) -> tuple[int, int]:
    """Return the bounds of a process's part of `groups`, cut almost evenly into `micro_batches` for each process.

    Pieces of all processes, one after another, are those that one process would cut: each belongs to one of them.
    If there are fewer groups than pieces, pieces are left out of every process alike.
    """
    count = min(micro_batches, max(1, groups // processes))
    spans = _cut(0, groups, processes * count)
    return spans[rank * count][0], spans[(rank + 1) * count - 1][1]


def bounds(rows: int, parts: int, group_rows: int = 1) -> list[tuple[int, int]]:
    """Return the first and last row of each of `parts` that `rows` are cut into, as even as whole groups can be.

    Groups are of `group_size` rows, the last may be cut short; there are no more parts than groups.
    """
    groups = math.ceil(rows / group_rows)
    cut = _cut(0, groups, max(1, min(parts, groups)))
    return [(first * group_rows, min(last * group_rows, rows)) for first, last in cut]


def micro_batches(phase: PhasePlan, sizes: Mapping[str, int]) -> Iterator[tuple[Rows, Rows]]:
    """Yield each kind of batch of a phase, with its micro-batches, as rows of each dataset.

    `sizes` are training samples. Several processes take parts of the same micro-batches.
    """
    group_rows = group_size(phase)
    for batch in _batches(phase, sizes, group_rows):
        parts = {name: bounds(rows, phase.accumulate, group_rows) for name, rows in batch.items()}
        for piece in zip_longest(*parts.values()):
            yield batch, {name: span[1] - span[0] for name, span in zip(parts, piece, strict=True) if span}


def call_key(node: ModulePlan, dataset: str, shapes: Iterable[Shape | None]) -> Any:
    """Return what datasets agree in whose rows a node takes in one call; `shapes` are those of its inputs."""
    known = list(shapes)
    fixed = [(shape.dims, shape.dtype) for shape in known if shape is not None and None not in shape.dims]
    return dataset if node.per_dataset or node.adapts or len(fixed) < len(known) else tuple(fixed)


def _batches(phase: PhasePlan, sizes: Mapping[str, int], group_rows: int) -> Iterator[Rows]:
    """Yield the batches that differ in rows: a full one, and the remainder of an epoch."""
    if phase.alternate:
        yield from ({name: phase.rows[name]} for name in phase.datasets[: phase.steps])
    elif len(phase.datasets) > 1:
        yield dict(phase.rows)  # epochs of several datasets do not end together: batches run on
    else:
        (name,) = phase.datasets
        rows, per_epoch = phase.rows[name], math.ceil(sizes[name] / phase.rows[name])
        if per_epoch > 1:
            yield {name: rows}
        if phase.steps >= per_epoch:
            epoch = math.ceil(sizes[name] / group_rows) * group_rows
            yield {name: min(rows, epoch - (per_epoch - 1) * rows)}


def _cut(first: int, last: int, parts: int) -> list[tuple[int, int]]:
    """Return the bounds of parts as even as can be, larger ones first."""
    size, rest = divmod(last - first, parts)
    starts = [first + index * size + min(index, rest) for index in range(parts + 1)]
    return [*pairwise(starts)]
