"""An augment that mixes samples must mix a task's target exactly if it mixes the task's inputs."""

from collections.abc import Iterator

from declare.contract.kinds.augment import Augment
from declare.contract.kinds.task import Task
from declare.contract.problem import Problem
from declare.rules.queries.fields import augment_roles, field_place, fields_of_task
from declare.rules.queries.pairings import pairing_of
from declare.rules.spec_parts import (
    LocatedBlock,
    get,
    is_unreadable,
    phase_datasets,
    phase_tasks,
    phases,
    task_datasets,
    tasks,
)
from declare.rules.spec_view import View

CODE = "PHS643"
STAGE = "phases"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each augment that mixes inputs of a task without its target, or the reverse."""
    known = {task.name: task for task in tasks(view)}
    for phase in phases(view):
        if phase.name not in view.phases or is_unreadable(phase.block, "augment"):
            continue
        trained = list(phase_tasks(view, phase.block) or {})
        for index, augment in enumerate(phase.block.augment):
            at = f"{phase.path}.augment.{index}"
            for dataset in phase_datasets(view, phase.block):
                of_dataset = [
                    known[name] for name in trained if dataset in task_datasets(view, known[name].block)
                ]
                problems = [
                    item
                    for task in of_dataset
                    for item in _unmixed_targets(view, augment, dataset, task, trained)
                ]
                yield from (problem.with_prefix(at) for problem in problems[:1])


def _unmixed_targets(
    view: View, augment: Augment, dataset: str, task: LocatedBlock[Task], trained: list[str]
) -> Iterator[Problem]:
    """Yield a problem if an augment mixes only the inputs or only the target of a task."""
    roles = augment_roles(view, dataset, trained)
    if list(augment.check_fields(*roles)):
        return
    mixed = augment.mixed_fields(*roles)
    read = set(fields_of_task(view, task.name, dataset))
    same, different = pairing_of(view, task) or ((), None)
    groups = {*same, different}  # a mixture of two samples belongs to no group, even if the field is mixed
    stated = dict.fromkeys((get(task.block, "target"), *task.block.fields(), *same, different))
    labels = [name for name in stated if name and name not in read]
    inputs = sorted(read & mixed)
    unmixed = [name for name in labels if name not in mixed or name in groups]
    if inputs and unmixed:
        but = f"but `{unmixed[0]}` tells their groups" if unmixed[0] in groups else f"but not `{unmixed[0]}`"
        title = f"`{augment.type_name()}` mixes `{inputs[0]}` of two samples, {but}"
        place, consequence = unmixed[0], "stays that of one sample"
    elif read and not inputs and set(labels) & mixed:
        name = next(label for label in labels if label in mixed)
        title = f"`{augment.type_name()}` mixes `{name}` of two samples, but none of its inputs"
        place, consequence = name, "becomes that of two samples"
    else:
        return
    yield Problem(
        CODE,
        title,
        label=f"of task `{task.name}`",
        also={field_place(view, dataset, place): consequence},
        helps=(f"train `{task.name}` in a phase without it, or remove the augment",),
    )
