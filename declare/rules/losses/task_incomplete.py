"""A task must name its dataset if there are several, and its target if its type needs one."""

from collections.abc import Iterator

from declare.contract.kinds.task import Task
from declare.contract.problem import Problem, Rewrite
from declare.rules.queries.compatible import join_words
from declare.rules.queries.fields import field_layout
from declare.rules.spec_parts import LocatedBlock, dataset_names, is_unreadable, task_datasets, tasks
from declare.rules.spec_view import View

CODE = "LOS410"
STAGE = "names"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for tasks without a dataset, with two statements of it, or without a needed target."""
    for task in tasks(view):
        if not is_unreadable(task.block, "dataset", "datasets"):
            yield from _dataset(view, task)
        if not is_unreadable(task.block, "target"):
            yield from _target(view, task)


def _dataset(view: View, task: LocatedBlock[Task]) -> Iterator[Problem]:
    known = dataset_names(view)
    one, many = task.block.dataset, task.block.datasets
    if one is not None and many is not None:
        yield Problem(
            CODE,
            f"task `{task.name}` states both `dataset` and `datasets`",
            at=f"{task.path}.datasets",
            on="key",
            label="stated here as a list",
            also={f"{task.path}.dataset": "stated here as one"},
            helps=("keep `datasets` for several, `dataset` for one",),
        )
    elif many is not None and not many:
        yield Problem(
            CODE,
            f"task `{task.name}` has an empty list of datasets",
            at=f"{task.path}.datasets",
            label="no dataset here",
            helps=(f"use {join_words(list(known))}",),
        )
    elif one is None and many is None and len(known) > 1 and not task.block.everywhere:
        yield Problem(
            CODE,
            f"task `{task.name}` names no dataset, but the spec has {len(known)}",
            at=task.path,
            on="key",
            label="no `dataset` or `datasets` here",
            also={"datasets": f"{len(known)} datasets here"},
            helps=(f"add `dataset: {known[0]}`, or `datasets: [{', '.join(known)}]`",),
        )


def _target(view: View, task: LocatedBlock[Task]) -> Iterator[Problem]:
    if task.block.target is not None or not task.block.targets:
        return
    fits = _fields_for(view, task.block)
    yield Problem(
        CODE,
        f"task `{task.name}` is {task.block.type_name()}, but has no target",
        at=task.path,
        on="key",
        label="no `target` here",
        helps=(
            f"add `target:` with {join_words(fits)}" if fits else "add `target:` with the field to predict",
        ),
        rewrites=(Rewrite(f"add `target: {fits[0]}`", f"{task.path}.target", fits[0], safe=False),)
        if len(fits) == 1
        else (),
    )


def _fields_for(view: View, task: Task) -> list[str]:
    names: dict[str, None] = {}
    for dataset in task_datasets(view, task):
        if dataset in view.facts:
            for name in view.facts[dataset].fields:
                layout = field_layout(view, dataset, name)
                if layout is not None and layout[1] in task.targets:
                    names[name] = None
    return list(names)
