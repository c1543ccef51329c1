"""A task whose model reads its target has nothing to predict."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.fields import fields_of_task
from declare.rules.spec_parts import get, task_datasets, tasks
from declare.rules.spec_view import View

CODE = "LOS442"
STAGE = "shapes"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each task whose model reads its target beside other fields, and hides nothing of it."""
    for task in tasks(view):
        target = task.block.target
        if target is None or task.block.masks_inputs:
            continue
        for dataset in task_datasets(view, task.block):
            read = fields_of_task(view, task.name, dataset, values=True)
            column = _column(view, dataset, target)
            answers = [name for name in read if _column(view, dataset, name) == column]
            # An autoencoder reads nothing else.
            if not answers or (len(read) == 1 and read[answers[0]].dims):
                continue
            yield Problem(
                CODE,
                f"the model of task `{task.name}` reads its target `{target}`",
                at=f"{task.path}.target",
                label="an input of its model",
                notes=("the answer is given: metrics look perfect, and new samples have no such column",),
                helps=(f"take `{answers[0]}` out of the inputs of the modules that this task uses",),
            )
            break


def _column(view: View, dataset: str, field: str) -> str:
    """Return the column of the source that a field reads."""
    block = get(view.spec, "datasets", dataset, "fields", field)
    return get(block, "column") or get(block, "key") or field
