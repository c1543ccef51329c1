"""Links from data to tasks: what each target means, checked over the datasets of the task."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from declare.compiler.state import State
from declare.contract.data import FieldFacts
from declare.contract.poison import holed
from declare.contract.problem import Problem
from declare.rules.parts import Placed, dataset_place, given, task_datasets, tasks


def targets(state: State) -> Iterator[Problem]:
    """Fill `state.targets`; yield targets that no head could be made for."""
    for name in given(state.spec, "tasks") or {}:
        if given(state.spec, "tasks", name) is None:
            state.skip(f"tasks.{name}")
    for task in tasks(state.view):
        facts = _facts(state, task)
        if facts is None:
            state.skip(task.path)
            continue
        if (problem := _disagree(task, facts)) is not None:
            yield problem
            continue
        linked = task.block.link(facts)
        if isinstance(linked, Problem):
            yield linked.under(task.path)
            continue
        state.targets[task.name] = linked
        yield from (item.under(task.path) for item in task.block.check_facts(facts))


def _facts(state: State, task: Placed[Any]) -> dict[str, FieldFacts] | None:
    """Return the facts of the target by dataset, shaped by transforms; None where some are unknown."""
    if any(holed(value) for key, value in task.block if key not in {"head", "loss", "metrics", "weight"}):
        return None
    names = task_datasets(state.view, task.block)
    if not task.block.targets:
        return {}
    field = task.block.target
    found = {}
    for name in names:
        shapes = state.shapes.get(name, {})
        if field is None or field not in shapes:
            return None
        found[name] = state.facts[name].fields[field].model_copy(update={"shape": shapes[field]})
    stated = task.block.datasets or ([task.block.dataset] if task.block.dataset else names)
    if not found or len(found) < len(stated):
        return None
    layouts = {facts.shape.layout for facts in found.values()}
    return found if layouts <= set(task.block.targets) else None


def _disagree(task: Placed[Any], facts: dict[str, FieldFacts]) -> Problem | None:
    """Return the problem that one head cannot serve all datasets of the task."""
    outputs = {name: task.block.output(item) for name, item in facts.items()}
    if any(isinstance(output, Problem) for output in outputs.values()):
        return None  # linking says what is wrong
    first = next(iter(outputs), None)
    if first is None or given(task.block, "head", "per_dataset") is True:
        differ = [name for name in outputs if outputs[name] != outputs[first or ""]]
        return _unsupported(task, differ[0]) if differ else None
    for name, output in outputs.items():
        if output != outputs[first]:
            return Problem(
                "LOS409",
                f"target `{task.block.target}` needs {outputs[first]} in `{first}` but {output} in `{name}`",
                at=dataset_place(task, name),
                label="another target here",
                also={dataset_place(task, first): "than here"},
                helps=("make two tasks of it, one for each dataset",),
            )
    return None


def _unsupported(task: Placed[Any], name: str) -> Problem:
    return Problem(
        "REF206",
        f"task `{task.name}` needs another width in `{name}`, which is not supported yet",
        at=dataset_place(task, name),
        label="another width here",
        helps=("make two tasks of it, one for each dataset",),
    )
