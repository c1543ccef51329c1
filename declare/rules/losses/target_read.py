"""A task whose model reads its target has nothing to predict."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.fields import fields_of_task
from declare.rules.spec_parts import task_datasets, tasks
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
            # An autoencoder reads nothing else.
            if target not in read or (len(read) == 1 and read[target].dims):
                continue
            yield Problem(
                CODE,
                f"the model of task `{task.name}` reads its target `{target}`",
                at=f"{task.path}.target",
                label="an input of its model",
                notes=("the answer is given: metrics look perfect, and new samples have no such column",),
                helps=(f"take `{target}` out of the inputs of the modules that this task uses",),
            )
            break
