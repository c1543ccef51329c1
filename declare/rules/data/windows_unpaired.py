"""Windows of two texts do not belong together: one text says nothing of where the other one was cut."""

from collections.abc import Iterator

from declare.contract.kinds.task import Task
from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place, fields_of_task
from declare.rules.spec_parts import get, task_datasets, tasks
from declare.rules.spec_view import View

CODE = "DAT355"
STAGE = "shapes"


def check(view: View) -> Iterator[Problem]:
    """Yield each task whose texts are cut in windows, where windows of one do not answer to those of the other."""
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
                f"windows of `{cut[0]}` do not belong to {'windows of ' if other in cut else ''}`{other}`",
                at=field_place(view, dataset, cut[0]),
                label="cut in windows",
                also={task.path: f"reads both {'and writes one ' if writes else ''}together"},
                helps=(
                    f"say `overlong: cut` on `{cut[0]}`, with a `max_length` that holds most texts",
                    "or cut both texts into pieces that belong together beforehand",
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
