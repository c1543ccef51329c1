"""A patience as long as the phase never stops it; one shorter than the evaluation interval stops it at once."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.language.spec import Phase
from declare.rules.queries.durations import StatedDuration, durations
from declare.rules.queries.phase_length import PhaseLength, describe_steps, length_key, length_of_phase
from declare.rules.spec_parts import LocatedBlock, get, phases
from declare.rules.spec_view import View

CODE = "PHS617"
STAGE = "phases"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each patience that cannot work."""
    for phase in phases(view):
        for timed in durations(phase):
            run = length_of_phase(view, phase.block, timed.duration)
            if run is not None and timed.kind == "patience" and timed.duration.value > 0:
                yield from _compare(phase, run, timed)


def _compare(phase: LocatedBlock[Phase], run: PhaseLength, timed: StatedDuration) -> Iterator[Problem]:
    patience = run.duration(timed.duration)
    stated = get(phase.block, "evaluate", "every")
    between = run.duration(stated) if stated else run.steps_per_epoch
    if patience >= run.steps:
        yield Problem(
            CODE,
            f"early stopping waits {patience} {run.unit}, but phase `{phase.name}` has {run.steps}",
            at=timed.path,
            label="the phase ends first",
            also={f"{phase.path}.{length_key(phase.block)}": f"{run.steps} {run.unit}"},
            notes=(describe_steps(run),),
            helps=("shorten the patience, or remove `early_stop`",),
        )
    elif run.sizes and patience < between:
        where = f"{phase.path}.evaluate.every" if stated else phase.path
        yield Problem(
            CODE,
            f"early stopping waits {patience} steps, but evaluations are {between} apart",
            at=timed.path,
            label="shorter than one evaluation interval",
            also={where: f"evaluates every {between} steps"},
            notes=(describe_steps(run),),
            helps=("state a patience of several evaluations", "evaluate more often"),
        )
