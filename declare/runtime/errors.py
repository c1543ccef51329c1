"""Problems during training."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.ir.plan import BestPlan, PhasePlan
from declare.runtime.machine.memory_budget import MemoryBudget
from declare.runtime.machine.torch_compile import compile_problem
from declare.runtime.run_folder.durable_io import FULL
from declare.system import user_code
from declare.system.out_of_memory import before_training, is_shortage, is_starved

_BATCH_ERRORS = (RuntimeError, ValueError, IndexError, MemoryError, OSError)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its type if it has no message."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def is_batch_error(error: BaseException) -> bool:
    """Whether a batch, memory or the user's own code may be at fault, and neither the run's disk nor we are."""
    if isinstance(error, OSError) and error.errno in FULL:
        return False
    return isinstance(error, _BATCH_ERRORS) or is_shortage(error) or bool(user_code.lines(error))


def problem_outside_step(error: BaseException) -> Problem | None:
    """Return the problem of an error outside a step; None for a bug of ours, or if it is a problem itself."""
    if is_shortage(error):
        return before_training(error)
    if (problem := compile_problem(error)) is not None:
        return problem
    problem = user_code.user_code_problem(error)
    if problem is None and not isinstance(error, OSError) and is_starved():
        return before_training(error)
    return problem


def batch_failed_problem(
    phase: PhasePlan, number: int, error: BaseException, memory: MemoryBudget | None = None
) -> Problem:
    """Return the finding that the batch of step `number` (from 0) could not be computed."""
    if is_shortage(error):
        return out_of_memory_problem(phase, number, error, memory)
    if (problem := compile_problem(error)) is not None:
        return problem
    theirs = user_code.lines(error)
    skip = "leave single bad batches out: `on_batch_error: {action: skip, limit: 10}`"
    return Problem(
        "PHS621",
        f"the batch of step {number + 1} in phase `{phase.name}` failed",
        at=f"phases.{phase.name}",
        notes=(f"{type(error).__name__}: {first_line(error)}", *theirs),
        helps=(user_code.HELP if theirs else skip,),
    )


def out_of_memory_problem(
    phase: PhasePlan, number: int, error: BaseException, memory: MemoryBudget | None = None
) -> Problem:
    """Return the finding that a step did not fit into memory, with what would."""
    rows = -(-phase.batch_size // phase.accumulate) if memory is None else memory.rows
    return Problem(
        "RES810",
        f"out of memory at step {number + 1}: {rows} samples at once",
        at=f"phases.{phase.name}.batch_size",
        notes=(first_line(error), *(() if memory is None else memory.notes(error))),
        helps=tuple(_smaller_step_helps(phase, rows, None if memory is None else memory.fits(error))),
    )


def _smaller_step_helps(phase: PhasePlan, rows: int, fits: int | None) -> Iterator[str]:
    """Yield what to change so that a step fits: `fits` of `rows` samples do so at once."""
    if fits == 0:
        yield "not one sample fits: make the model or its inputs smaller"
    elif fits is None:
        yield f"split the batch: `accumulate: {2 * phase.accumulate}` gives the same result with half the memory"
    else:
        size = phase.batch_size
        min_pieces = -(-phase.accumulate * rows // fits)
        pieces = next(count for count in range(min_pieces, size + 1) if size % count == 0)
        yield f"about {fits} samples fit at once: `accumulate: {pieces}` gives the same result in so many pieces"
        yield f"or lower the batch: `batch_size: {fits * phase.accumulate}`"
    if phase.precision not in {"bf16", "fp16"} and fits != 0:
        twice = "" if fits is None else f": about {min(2 * fits, rows)} samples would fit at once"
        yield f"or use `precision: bf16`, which halves activations{twice}"


def too_many_skipped_problem(phase: PhasePlan, skipped: int, reason: str) -> Problem:
    """Return the finding that more batches failed than the spec allows."""
    limit = phase.on_batch_error["limit"]
    return Problem(
        "PHS622",
        f"{skipped} batches were skipped in phase `{phase.name}`, the limit is {limit}",
        at=f"phases.{phase.name}.on_batch_error",
        notes=(f"the last one: {reason}",),
        helps=("find the cause: lower the learning rate, or check the data with `dcl data check`",),
    )


def nothing_best_problem(phase: PhasePlan, rule: BestPlan) -> Problem:
    """Return the finding that the metric which picks a phase's best weights had no finite value."""
    return Problem(
        "PHS626",
        f"`{rule.metric}` was not finite in any evaluation of phase `{phase.name}`",
        at=f"phases.{phase.name}.evaluate.best",
        notes=("there is no best checkpoint; the last weights are in the newest one",),
        helps=(
            "see whether validation data have targets, and what the losses did: `dcl report`",
            "or pick the best by another metric",
        ),
    )


def nothing_trained_problem(phase: PhasePlan) -> Problem:
    """Return the finding that a phase changed no weight."""
    return Problem(
        "PHS623",
        f"phase `{phase.name}` made no update in {phase.steps} steps: nothing was trained",
        at=f"phases.{phase.name}",
        notes=("every batch was skipped, or every parameter is frozen",),
        helps=("look at `batch_skipped` in `events.jsonl`, and at the phase's `freeze`",),
    )


def no_scale_problem(phase: PhasePlan, number: int) -> Problem:
    """Return the finding that gradients in half precision are not finite, however losses are scaled."""
    return Problem(
        "PHS620",
        f"gradients are not finite at step {number} at any scale of the loss",
        at=f"phases.{phase.name}",
        notes=("with `precision: fp16` such updates are left out: none has changed a weight for a while",),
        helps=(
            "use `precision: bf16` or `fp32`, which reach further",
            "look for non-finite inputs with `dcl data check`",
        ),
    )
