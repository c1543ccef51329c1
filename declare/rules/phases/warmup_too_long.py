"""A warm-up as long as the phase never reaches the base learning rate."""

from collections.abc import Iterator

from declare.contract.problem import Problem, Rewrite
from declare.rules.queries.durations import durations
from declare.rules.queries.phase_length import describe_steps, length_key, length_of_phase
from declare.rules.spec_parts import phases
from declare.rules.spec_view import View

CODE = "PHS608"
STAGE = "phases"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each warm-up at least as long as its phase."""
    for phase in phases(view):
        for timed in durations(phase):
            run = length_of_phase(view, phase.block, timed.duration)
            if run is None or timed.kind != "warmup" or run.duration(timed.duration) < max(run.steps, 2):
                continue
            steps = run.duration(timed.duration)
            yield Problem(
                CODE,
                f"warm-up takes {steps} {run.unit}, but phase `{phase.name}` has {run.steps}",
                at=timed.path,
                label="the base learning rate is never reached",
                also={f"{phase.path}.{length_key(phase.block)}": f"{run.steps} {run.unit}"},
                notes=(describe_steps(run),),
                helps=("state it as a fraction of the phase, such as `5%`",),
                rewrites=(Rewrite("set it to 5% of the phase", timed.path, "5%", safe=False),),
            )
