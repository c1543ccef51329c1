"""Windows of two texts are not aligned: their boundaries differ."""

from collections.abc import Iterator

from declare.contract.kinds.task import Task
from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place, fields_of_task
from declare.rules.spec_parts import get, task_datasets, tasks
from declare.rules.spec_view import View

CODE = "DAT355"
STAGE = "shapes"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each task that combines windows of one text with windows of another."""
    for task in tasks(view):
        for dataset in task_datasets(view, task.block) if task.name in view.targets else ():
            texts = _texts(view, task.name, task.block, dataset)
            cut = [name for name in texts if _in_windows(view, dataset, name)]
            writes = task.block.generates and not task.block.prompted
            if len(texts) < 2 or not cut or (len(cut) < 2 and not writes):
                continue
            other = next(name for name in texts if name != cut[0])
            yield Problem(
                CODE,
                (
                    f"windows of `{cut[0]}` are not aligned with "
                    f"{'windows of ' if other in cut else ''}`{other}`"
                ),
                at=field_place(view, dataset, cut[0]),
                label="split into windows",
                also={task.path: f"reads both {'and generates one ' if writes else ''}together"},
                helps=(
                    f"state `overlong: cut` on `{cut[0]}`, with a `max_length` that covers most texts",
                    "or split both texts into matching parts beforehand",
                ),
            )
            break


def _texts(view: View, name: str, task: Task, dataset: str) -> list[str]:
    """Return the texts that a task reads or predicts in a dataset, the target last."""
    read = [field for field, shape in fields_of_task(view, name, dataset).items() if shape.layout == "tokens"]
    target = get(task, "target")
    shape = view.shapes.get(dataset, {}).get(str(target))
    aimed = [str(target)] if shape is not None and shape.layout == "tokens" else []
    return list(dict.fromkeys([*(field for field in read if field not in aimed), *aimed]))


def _in_windows(view: View, dataset: str, field: str) -> bool:
    return view.facts[dataset].blocks.get(field, {}).get("overlong") == "windows"
