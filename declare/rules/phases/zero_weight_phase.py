"""A phase whose tasks all have weight 0 trains nothing."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.spec_parts import get, is_unreadable, phase_tasks, phases, task_names, tasks
from declare.rules.spec_view import View

CODE = "PHS618"
STAGE = "names"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each phase without a task that contributes to the loss."""
    task_weights = {task.name: get(task.block, "weight") for task in tasks(view)}
    for phase in phases(view):
        trained = phase_tasks(view, phase.block)
        stated = None if is_unreadable(phase.block, "tasks") else phase.block.tasks
        if trained is None or (trained and any(weight > 0 for weight in trained.values())):
            continue
        if get(view.spec, "tasks") is None or set(stated if stated is not None else task_names(view)) - set(
            trained
        ):
            continue  # an unknown or unreadable task: it has its own finding
        path = f"{phase.path}.tasks" if stated is not None else phase.path
        title = (
            f"every task of phase `{phase.name}` has weight 0"
            if trained
            else f"phase `{phase.name}` names no task to train"
        )
        zero = [name for name in trained if task_weights.get(name) == 0 and not isinstance(stated, dict)]
        yield Problem(
            CODE,
            title,
            at=path,
            label="nothing contributes to the loss",
            also={f"tasks.{name}.weight": "weight 0" for name in zero[:3]},
            helps=("give a task a weight above 0", "remove the phase"),
        )
