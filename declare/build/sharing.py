"""How a batch is cut: micro-batches, and which of them a process takes."""

from __future__ import annotations

from itertools import pairwise

from declare.ir.plan import PhasePlan, Plan


def pieces(plan: Plan, phase: PhasePlan, processes: int) -> int:
    """Return how many micro-batches each process makes of its share of a batch.

    With `determinism: exact` the phase's `accumulate` counts those of all processes, so that the number of
    processes does not change where a batch is cut.
    """
    return max(1, phase.accumulate // processes) if plan.hardware.determinism == "exact" else phase.accumulate


def dealt(groups: int, rank: int, processes: int, each: int) -> list[tuple[int, int]]:
    """Return the bounds of a process's part of each of `each` micro-batches that `groups` are cut into.

    The parts of all processes are what one process would take for that micro-batch: layers and losses that look at
    it as a whole see the same. Where there are too few groups for a part each, all make fewer micro-batches.
    """
    found = []
    for first, last in _cut(0, groups, min(each, max(1, groups // processes))):
        found.append(_cut(first, last, processes)[rank])
    return found


def share(groups: int, rank: int, processes: int, each: int) -> tuple[int, int]:
    """Return the bounds of a process's share of `groups`, cut in `each` times `processes` pieces as even as can be.

    Pieces of all processes, one after another, are those that one process would cut: each belongs to one of them.
    Where there are fewer groups than pieces, pieces are left out of every process alike.
    """
    own = min(each, max(1, groups // processes))
    pieces = _cut(0, groups, processes * own)
    return pieces[rank * own][0], pieces[(rank + 1) * own - 1][1]


def _cut(first: int, last: int, parts: int) -> list[tuple[int, int]]:
    """Return the bounds of parts as even as can be, larger ones first."""
    size, rest = divmod(last - first, parts)
    starts = [first + index * size + min(index, rest) for index in range(parts + 1)]
    return [*pairwise(starts)]
