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
        if (problem := _disagree(state, task, facts)) is not None:
            yield problem
            continue
        own = _own_heads(state, task.name)
        parts = [{name: item} for name, item in facts.items()] if own and len(facts) > 1 else [facts]
        linked = [task.block.link(part) for part in parts]
        if bad := next((item for item in linked if isinstance(item, Problem)), None):
            yield bad.under(task.path)
            continue
        good = [item for item in linked if not isinstance(item, Problem)]
        state.targets[task.name] = good[0]
        if len(good) > 1:
            state.own_targets[task.name] = dict(zip(facts, good, strict=True))
        yield from (item.under(task.path) for item in task.block.check_facts(facts))


def _own_heads(state: State, task: str) -> bool:
    """Return whether each dataset has a head of its own, the task's or that of the task whose head it shares."""
    seen: set[str] = set()
    while task not in seen:
        seen.add(task)
        head = given(state.spec, "tasks", task, "head")
        if not isinstance(head, str) or head not in state.spec.tasks:
            return given(head, "per_dataset") is True
        task = head
    return False


def _facts(state: State, task: Placed[Any]) -> dict[str, FieldFacts] | None:
    """Return the facts of the target by dataset, shaped by transforms; None where some are unknown."""
    if any(holed(value) for key, value in task.block if key not in {"head", "loss", "metrics", "weight"}):
        return None
    names = task_datasets(state.view, task.block)
    if not task.block.targets:
        return {} if names else None
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


def _disagree(state: State, task: Placed[Any], facts: dict[str, FieldFacts]) -> Problem | None:
    """Return the problem that one head cannot serve all datasets of the task."""
    if _own_heads(state, task.name):
        return None
    outputs = {name: task.block.output(item) for name, item in facts.items()}
    if any(isinstance(output, Problem) for output in outputs.values()):
        return None  # linking says what is wrong
    first = next(iter(outputs), "")
    for name, output in outputs.items():
        if output != outputs[first]:
            return Problem(
                "LOS409",
                f"target `{task.block.target}` needs {outputs[first]} in `{first}` but {output} in `{name}`",
                at=dataset_place(task, name),
                label="another target here",
                also={dataset_place(task, first): "than here"},
                helps=("give the head `per_dataset: true`", "or make two tasks of it, one for each dataset"),
            )
    return None
