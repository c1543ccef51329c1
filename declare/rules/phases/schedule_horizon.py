"""A duration of a schedule or sampler that is longer than the phase is never reached."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.durations import durations
from declare.rules.queries.phase_length import describe_steps, length_key, length_of_phase
from declare.rules.spec_parts import phases
from declare.rules.spec_view import View

CODE = "PHS602"
STAGE = "phases"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each duration inside a schedule or sampler that is longer than its phase."""
    for phase in phases(view):
        for timed in durations(phase):
            run = length_of_phase(view, phase.block, timed.duration)
            if run is None or timed.kind != "within" or run.duration(timed.duration) <= run.steps:
                continue
            steps = run.duration(timed.duration)
            yield Problem(
                CODE,
                f"{timed.what} takes {steps} {run.unit}, but phase `{phase.name}` has {run.steps}",
                at=timed.path,
                label=f"{steps} {run.unit}",
                also={f"{phase.path}.{length_key(phase.block)}": f"{run.steps} {run.unit}"},
                notes=(describe_steps(run),),
                helps=("state it as a fraction of the phase, such as `50%`",),
            )
