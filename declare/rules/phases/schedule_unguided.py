"""A schedule that follows a metric needs one to follow."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.spec_parts import get, phases
from declare.rules.spec_view import View

CODE = "PHS634"
STAGE = "names"


def check(view: View) -> Iterator[Problem]:
    """Yield each schedule that follows a metric where neither it nor `evaluate.best` names one."""
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
                label="nothing to follow",
                helps=(
                    f"name one: `schedule: {{type: {name}, metric: val/TASK/loss, mode: min}}`",
                    "or let `evaluate.best` name it",
                ),
            )
