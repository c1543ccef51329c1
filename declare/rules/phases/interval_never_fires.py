"""An interval longer than its phase never occurs."""

from collections.abc import Iterator

from declare.contract.problem import Problem, Rewrite
from declare.rules.queries.durations import StatedDuration, durations
from declare.rules.queries.phase_length import describe_steps, length_key, length_of_phase
from declare.rules.spec_parts import phases
from declare.rules.spec_view import View

CODE = "PHS604"
STAGE = "phases"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each interval or `until` beyond the end of its phase."""
    for phase in phases(view):
        for timed in durations(phase):
            run = length_of_phase(view, phase.block, timed.duration)
            if run is None or timed.kind not in {"interval", "until"}:
                continue
            steps = run.duration(timed.duration)
            if steps <= run.steps and not (timed.kind == "until" and steps == run.steps):
                continue
            when = "comes every" if timed.kind == "interval" else "comes after"
            yield Problem(
                CODE,
                f"{timed.what} {when} {steps} {run.unit}, but phase `{phase.name}` has {run.steps}",
                at=timed.path,
                label="beyond the end of the phase",
                also={f"{phase.path}.{length_key(phase.block)}": f"{run.steps} {run.unit}"},
                notes=(describe_steps(run),),
                helps=(_help(timed),),
                rewrites=_rewrites(timed),
            )


def _help(timed: StatedDuration) -> str:
    if timed.kind == "until":
        return "remove `until` to freeze for the whole phase, or shorten it"
    return "shorten it, or remove it for once per epoch and at the end"


def _rewrites(timed: StatedDuration) -> tuple[Rewrite, ...]:
    return (Rewrite("remove it", timed.path),) if timed.kind == "until" else ()
