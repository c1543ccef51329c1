"""References between blocks of a spec that need nothing but the spec: datasets, tasks, heads, probes."""

from collections.abc import Iterator, Mapping
from typing import Any

from declare.compiler.names.unknown_name import as_key, unknown_name_problem
from declare.contract.problem import Problem
from declare.parsing.lookup import find, names
from declare.parsing.poison import POISON
from declare.rules.spec_parts import blocks_of, get, tasks_in_part
from declare.rules.spec_view import SpecView


def references(view: SpecView) -> Iterator[Problem]:
    """Yield every name of a dataset, task or head that does not exist."""
    datasets = get(view.spec, "datasets")
    tasks = get(view.spec, "tasks")
    for task in tasks_in_part(view):
        if datasets is not None:
            yield from _datasets(task.path, task.block, datasets)
        if tasks is not None:
            yield from _head(task.path, task.block, tasks)
    if tasks is not None:
        for phase in blocks_of(view.spec, "phases"):
            yield from _phase(phase.path, phase.block, tasks, view.untyped)


def _datasets(path: str, task: Any, known: dict[str, Any]) -> Iterator[Problem]:
    stated = [(f"{path}.dataset", get(task, "dataset"))]
    stated += [(f"{path}.datasets.{i}", name) for i, name in enumerate(get(task, "datasets") or ())]
    for at, name in stated:
        if isinstance(name, str) and name not in known:
            yield unknown_name_problem("dataset", name, at, known)


def _head(path: str, task: Any, tasks: dict[str, Any]) -> Iterator[Problem]:
    """Check a head that is only a name: a task's, or a component's."""
    name = get(task, "head")
    if not isinstance(name, str):
        return
    task_name = path.removeprefix("tasks.")
    if name not in tasks:
        if find("heads", name) is None:
            others = [other for other in tasks if other != task_name]
            yield unknown_name_problem("head", name, f"{path}.head", [*names("heads"), *others])
        return
    chain = [task_name]
    while isinstance(name, str) and name in tasks and name not in chain:
        chain.append(name)
        name = get(tasks[name], "head") if tasks[name] is not POISON else None
    if name == task_name == min(chain):
        yield Problem(
            "REF209",
            f"task `{task_name}` takes its head from itself"
            if len(chain) == 1
            else f"heads go round: {_round(chain)}",
            at=f"{path}.head",
            label="leads back to this task",
            also={f"tasks.{other}.head": "on the way" for other in chain[1:]},
            helps=("give one of these tasks a head component, such as `linear`",),
        )


def _round(names_in_order: list[str]) -> str:
    return " -> ".join(f"`{name}`" for name in [*names_in_order, names_in_order[0]])


def _phase(path: str, phase: Any, tasks: dict[str, Any], untyped: Mapping[str, Any]) -> Iterator[Problem]:
    stated = get(phase, "tasks")
    if isinstance(stated, dict):
        for name in stated:
            if name not in tasks:
                yield as_key(unknown_name_problem("task", name, f"{path}.tasks.{name}", tasks))
    for index, name in enumerate(stated if isinstance(stated, list) else ()):
        if isinstance(name, str) and name not in tasks:
            yield unknown_name_problem("task", name, f"{path}.tasks.{index}", tasks)
    for index, probe in enumerate(get(phase, "probes") or ()):
        name = get(untyped.get(f"{path}.probes.{index}", probe), "task")
        if isinstance(name, str) and name not in tasks:
            yield unknown_name_problem("task", name, f"{path}.probes.{index}.task", tasks)
