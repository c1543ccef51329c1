"""A schedule that follows a metric needs the name of one."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.spec_parts import get, phases
from declare.rules.spec_view import View

CODE = "PHS634"
STAGE = "names"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each schedule that follows a metric if neither it nor `evaluate.best` names one."""
    for phase in phases(view):
        schedule = get(phase.block, "schedule")
        if schedule is None or not schedule.reactive:
            continue
        if schedule.plateau_rule() is None and get(phase.block, "evaluate", "best") is None:
            name = type(schedule).type_name()
            yield Problem(
                CODE,
                f"`{name}` follows a metric, but phase `{phase.name}` names none",
                at=f"{phase.path}.schedule",
                label="no metric to follow",
                helps=(
                    f"state one: `schedule: {{type: {name}, metric: val/TASK/loss, mode: min}}`",
                    "or state it in `evaluate.best`",
                ),
            )
