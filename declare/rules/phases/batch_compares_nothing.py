"""A task that compares samples needs several samples in a micro-batch."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.ir.micro_batches import micro_batches
from declare.rules.queries.phase_length import train_sizes
from declare.rules.spec_parts import get, phases, task_datasets, tasks
from declare.rules.spec_view import View

CODE = "PHS653"
STAGE = "phases"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each task whose largest micro-batch in a phase has fewer samples than it needs."""
    for phase in phases(view):
        plan, sizes = view.phases.get(phase.name), train_sizes(view, phase.block)
        if plan is None or not sizes:
            continue
        pieces = [piece for _, piece in micro_batches(plan, sizes)]
        for task in tasks(view):
            if not plan.tasks.get(task.name):
                continue
            rows = max(
                (piece.get(name, 0) for name in task_datasets(view, task.block) for piece in pieces),
                default=0,
            )
            if rows < task.block.fewest_rows:
                yield Problem(
                    CODE,
                    f"`{task.name}` compares samples, but gets only {rows} at once",
                    at=f"{phase.path}.batch_size",
                    label=f"at least {task.block.fewest_rows} in a micro-batch",
                    also={task.path: f"a `{task.block.type_name()}` task"}
                    | (
                        {f"{phase.path}.accumulate": "divides the batch"}
                        if get(phase.block, "accumulate") != 1
                        else {}
                    ),
                    helps=(
                        (
                            "use larger batches, or fewer micro-batches: only samples of the same micro-batch "
                            "are compared"
                        ),
                    ),
                )
