"""Links from data to tasks: what each target means, checked over the datasets of the task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from declare.compiler.graph.target_units import LearnedTarget, learn_target
from declare.compiler.state import State
from declare.contract.facts import FieldFacts
from declare.contract.kinds.task import Target
from declare.contract.problem import Problem
from declare.reading.poison import POISON, contains_poison
from declare.rules.spec_parts import (
    LocatedBlock,
    dataset_place,
    get,
    may_be_per_dataset,
    task_datasets,
    tasks,
)


def targets(state: State) -> Iterator[Problem]:
    """Fill `state.targets`; yield targets that no head could be made for."""
    for name in get(state.spec, "tasks") or {}:
        if get(state.spec, "tasks", name) is None:
            state.skip(f"tasks.{name}")
    for task in tasks(state.view):
        facts = _facts(state, task)
        if facts is None:
            state.skip(task.path)
            continue
        if (problem := _disagree(state, task, facts)) is not None:
            yield problem
            continue
        learned = {name: learn_target(state, task, name, item) for name, item in facts.items()}
        problems = [problem for item in learned.values() if isinstance(item, list) for problem in item]
        if problems:
            state.skip(task.path)
            yield from problems
            continue
        yield from _link(
            state, task, {name: item for name, item in learned.items() if not isinstance(item, list)}
        )


def _link(state: State, task: LocatedBlock[Any], learned: Mapping[str, LearnedTarget]) -> Iterator[Problem]:
    """Fill the target of a task, and those of its datasets where they differ."""
    facts = {name: item.facts for name, item in learned.items()}
    own = _own_heads(state, task.name) and len(facts) > 1
    if not own and (problem := _other_units(task, learned)) is not None:
        yield problem
        return
    parts = [{name: item} for name, item in facts.items()] if own else [facts]
    linked = [task.block.link(part) for part in parts]
    if bad := next((item for item in linked if isinstance(item, Problem)), None):
        yield bad.under(task.path)
        return
    good = [item for item in linked if not isinstance(item, Problem)]
    each = dict(zip(learned, good if own else good * len(learned), strict=True))
    each = {name: _with_inverse(target, learned[name]) for name, target in each.items()}
    state.targets[task.name] = next(iter(each.values()), good[0])
    # With one head for all, statistics of fitted transforms may still be each dataset's own.
    if own or len({target.model_dump_json() for target in each.values()}) > 1:
        state.own_targets[task.name] = each
    yield from (problem for item in learned.values() for problem in item.warnings)
    yield from (item.under(task.path) for item in task.block.check_facts(facts))


def _with_inverse(target: Target, learned: LearnedTarget) -> Target:
    # What was rounded before the way back is another number after it.
    double = target.double or bool(learned.undo)
    return target.model_copy(
        update={"undo": learned.undo, "not_undone": learned.not_undone, "double": double}
    )


def _other_units(task: LocatedBlock[Any], learned: Mapping[str, LearnedTarget]) -> Problem | None:
    """Return the problem that one head would give other units for one dataset than for another."""
    pair = _first_difference({name: item.changes for name, item in learned.items()})
    if pair is None:
        return None
    here, there = (_words(learned[name]) for name in pair)
    return _dataset_conflict(
        "LOS435",
        task,
        pair,
        f"is learned {here} in `{pair[0]}` but {there} in `{pair[1]}`",
        label="another unit here",
        helps=("transform it alike in all datasets", "or give the head `per_dataset: true`"),
    )


def _first_difference(values: Mapping[str, object]) -> tuple[str, str] | None:
    """Return the first dataset whose value is not the first one's, and the first dataset; None where all agree."""
    first = next(iter(values), "")
    return next(((name, first) for name, value in values.items() if value != values[first]), None)


def _dataset_conflict(
    code: str,
    task: LocatedBlock[Any],
    pair: tuple[str, str],
    words: str,
    *,
    label: str,
    helps: tuple[str, ...],
) -> Problem:
    """Return a problem of a task's target in one dataset that contradicts another."""
    here, there = pair
    return Problem(
        code,
        f"target `{task.block.target}` {words}",
        at=dataset_place(task, here),
        label=label,
        also={dataset_place(task, there): "than here"},
        helps=helps,
    )


def _words(learned: LearnedTarget) -> str:
    return (
        "after " + ", ".join(f"`{block['type']}`" for block in learned.changes)
        if learned.changes
        else "as it is"
    )


def _own_heads(state: State, task: str) -> bool:
    """Return whether each dataset may have a head of its own, the task's or that of the task whose head it shares."""
    seen: set[str] = set()
    while task not in seen:
        seen.add(task)
        block = get(state.spec, "tasks", task)
        head = None if block is None else block.head
        if not isinstance(head, str) or head not in state.spec.tasks:
            return may_be_per_dataset(state.view, task)
        task = head
    return False


def _facts(state: State, task: LocatedBlock[Any]) -> dict[str, FieldFacts] | None:
    """Return the facts of the target by dataset, shaped by transforms; None where some are unknown."""
    if any(
        contains_poison(value)
        for key, value in task.block
        if key not in {"head", "loss", "metrics", "weight"}
    ):
        return None
    names = task_datasets(state.view, task.block)
    if not task.block.targets:
        return {} if names else None
    field = task.block.target
    found = {}
    for name in names:
        shapes = state.shapes.get(name, {})
        if (
            field is None
            or field not in shapes
            or state.spec.datasets[name] is POISON
            or contains_poison(state.spec.seed)
        ):
            return None
        found[name] = state.facts[name].fields[field].model_copy(update={"shape": shapes[field]})
    stated = task.block.datasets or ([task.block.dataset] if task.block.dataset else names)
    if not found or len(found) < len(stated):
        return None
    layouts = {facts.shape.layout for facts in found.values()}
    return found if layouts <= set(task.block.targets) else None


def _disagree(state: State, task: LocatedBlock[Any], facts: dict[str, FieldFacts]) -> Problem | None:
    """Return the problem that one head cannot serve all datasets of the task."""
    if _own_heads(state, task.name):
        return None
    outputs = {name: task.block.output(item) for name, item in facts.items()}
    if any(isinstance(output, Problem) for output in outputs.values()):
        return None  # linking says what is wrong
    pair = _first_difference(outputs)
    if pair is None:
        return None
    here, there = pair
    return _dataset_conflict(
        "LOS409",
        task,
        pair,
        f"needs {outputs[there]} in `{there}` but {outputs[here]} in `{here}`",
        label="another target here",
        helps=("give the head `per_dataset: true`", "or make two tasks of it, one for each dataset"),
    )
