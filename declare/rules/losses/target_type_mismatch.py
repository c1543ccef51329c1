"""A task's target must be a field of a type that the task supports."""

from collections.abc import Iterator

from declare.contract.kinds.task import Task
from declare.contract.problem import Problem
from declare.parsing.lookup import find, own_names
from declare.rules.queries.compatible import join_words
from declare.rules.queries.fields import field_layout, field_place
from declare.rules.spec_parts import LocatedBlock, get, task_datasets, tasks
from declare.rules.spec_view import View

CODE = "LOS408"
STAGE = "facts"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each target whose field type its task does not support."""
    for task in tasks(view):
        target = get(task.block, "target")
        for dataset in task_datasets(view, task.block) if target else ():
            layout = field_layout(view, dataset, target)
            if layout is not None and task.block.targets and layout[1] not in task.block.targets:
                yield _problem(view, task, dataset, layout[0])


def _problem(view: View, task: LocatedBlock[Task], dataset: str, kind: str) -> Problem:
    name, target = task.block.type_name(), str(task.block.target)
    fields = _fields_with(task.block.targets)
    return Problem(
        CODE,
        f"task `{task.name}` is {name}, but its target `{target}` is a {kind} field",
        at=f"{task.path}.target",
        label=f"a {kind} field",
        also={
            f"{task.path}.type": f"{name} learns {join_words(fields)} fields",
            field_place(view, dataset, target): f"`{target}` is a {kind} field here",
        },
        helps=(
            *_types_for(kind, target),
            f"declare the field as `{target}: {{type: {fields[0]}}}` if its values have that type",
        )
        if fields
        else tuple(_types_for(kind, target)),
    )


def _fields_with(layouts: tuple[str, ...]) -> list[str]:
    return [name for name in own_names("fields") if getattr(find("fields", name), "layout", None) in layouts]


def _types_for(kind: str, target: str) -> Iterator[str]:
    layout = getattr(find("fields", kind), "layout", None)
    fit = [name for name in own_names("tasks") if layout in getattr(find("tasks", name), "targets", ())]
    if fit:
        yield f"use a task of type {join_words(fit)} for `{target}`"
