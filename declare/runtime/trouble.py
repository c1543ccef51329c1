"""What goes wrong in the course of training, said to the user."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from declare.contract.problem import Problem
from declare.ir.plan import PhasePlan
from declare.runtime.account import Account

_CPU_MARKS = ("can't allocate memory", "not enough memory", "out of memory")


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its type where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the error says that a device's memory did not suffice."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(mark in str(error) for mark in _CPU_MARKS)


def batch_failed(
    phase: PhasePlan, number: int, error: BaseException, account: Account | None = None
) -> Problem:
    """Return the finding that the batch of step `number` (from 0) could not be computed."""
    if is_out_of_memory(error):
        return out_of_memory(phase, number, error, account)
    return Problem(
        "PHS621",
        f"the batch of step {number + 1} in phase `{phase.name}` failed",
        at=f"phases.{phase.name}",
        notes=(f"{type(error).__name__}: {first_line(error)}",),
        helps=("leave single bad batches out: `on_batch_error: {action: skip, limit: 10}`",),
    )


def out_of_memory(
    phase: PhasePlan, number: int, error: BaseException, account: Account | None = None
) -> Problem:
    """Return the finding that a step did not fit into memory, with what would."""
    rows = -(-phase.batch_size // phase.accumulate) if account is None else account.rows
    return Problem(
        "RES810",
        f"out of memory at step {number + 1}: {rows} samples at once",
        at=f"phases.{phase.name}.batch_size",
        notes=(first_line(error), *(() if account is None else account.notes(error))),
        helps=tuple(_fitting(phase, rows, None if account is None else account.fits(error))),
    )


def _fitting(phase: PhasePlan, rows: int, fits: int | None) -> Iterator[str]:
    """Yield what to change so that a step fits: `fits` of `rows` samples do so at once."""
    if fits == 0:
        yield "not one sample fits: make the model or its inputs smaller"
    elif fits is None:
        yield f"split the batch: `accumulate: {2 * phase.accumulate}` gives the same result with half the memory"
    else:
        size = phase.batch_size
        least = -(-phase.accumulate * rows // fits)
        pieces = next(count for count in range(least, size + 1) if size % count == 0)
        yield f"about {fits} samples fit at once: `accumulate: {pieces}` gives the same result in so many pieces"
        yield f"or lower the batch: `batch_size: {fits * phase.accumulate}`"
    if phase.precision not in {"bf16", "fp16"} and fits != 0:
        twice = "" if fits is None else f": about {min(2 * fits, rows)} samples would fit at once"
        yield f"or use `precision: bf16`, which halves activations{twice}"


def no_room(error: BaseException) -> Problem:
    """Return the finding that memory did not suffice outside of a step: for the model, data or evaluation."""
    return Problem(
        "RES810",
        "out of memory before the first step or in an evaluation",
        notes=(first_line(error),),
        helps=("see what each phase takes with `dcl plan`, then make the model or `batch_size` smaller",),
    )


def too_many_skipped(phase: PhasePlan, skipped: int, reason: str) -> Problem:
    """Return the finding that more batches failed than the spec allows."""
    limit = phase.on_batch_error["limit"]
    return Problem(
        "PHS622",
        f"{skipped} batches were skipped in phase `{phase.name}`, the limit is {limit}",
        at=f"phases.{phase.name}.on_batch_error",
        notes=(f"the last one: {reason}",),
        helps=("find the cause: lower the learning rate, or check the data with `dcl data check`",),
    )


def nothing_trained(phase: PhasePlan) -> Problem:
    """Return the finding that a phase changed no weight."""
    return Problem(
        "PHS623",
        f"phase `{phase.name}` made no update in {phase.steps} steps: nothing was trained",
        at=f"phases.{phase.name}",
        notes=("every batch was skipped, or every parameter is frozen",),
        helps=("look at `batch_skipped` in `events.jsonl`, and at the phase's `freeze`",),
    )
