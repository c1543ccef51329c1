"""How a batch is cut: micro-batches, and which of them a process takes."""

from __future__ import annotations

from declare.ir.plan import PhasePlan, Plan


def pieces(plan: Plan, phase: PhasePlan, processes: int) -> int:
    """Return how many micro-batches each process makes of its share of a batch.

    With `determinism: exact` the phase's `accumulate` counts those of all processes, so that the number of
    processes does not change where a batch is cut.
    """
    return max(1, phase.accumulate // processes) if plan.hardware.determinism == "exact" else phase.accumulate


def share(groups: int, rank: int, processes: int, each: int) -> tuple[int, int]:
    """Return the bounds of a process's share of `groups`, cut in `each` times `processes` pieces as even as can be.

    Pieces of all processes are those that one process would cut. Where there are fewer groups than pieces,
    pieces are left out of every process alike.
    """
    cuts = processes * min(each, max(1, groups // processes))
    size, rest = divmod(groups, cuts)
    first, last = rank * cuts // processes, (rank + 1) * cuts // processes
    return first * size + min(first, rest), last * size + min(last, rest)
