"""Links from data to tasks: what each target means, checked over the datasets of the task."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from declare.compiler.graph.target_units import LearnedTarget, learn_target
from declare.compiler.reports import Reports, Skip
from declare.compiler.stages import LinkedSpec, ReadSpec, TransformedSpec
from declare.contract.facts import FieldFacts
from declare.contract.kinds.task import Target
from declare.contract.problem import Problem
from declare.parsing.poison import POISON, contains_poison
from declare.rules.spec_parts import (
    LocatedBlock,
    dataset_place,
    get,
    may_be_per_dataset,
    task_datasets,
    tasks,
)


class TaskTargets(NamedTuple):
    """The target of a task, those of its datasets if they differ, and splits by dataset in which no target counts."""

    target: Target
    by_dataset: Mapping[str, Target] | None
    unscored: Mapping[str, frozenset[str]]


def link_targets(stage: TransformedSpec) -> Reports[LinkedSpec]:
    """Return the spec with the targets of tasks; yield targets that no head could be made for."""
    for name in get(stage.spec, "tasks") or {}:
        if get(stage.spec, "tasks", name) is None:
            yield Skip(f"tasks.{name}")
    linked: dict[str, TaskTargets] = {}
    for task in tasks(stage):
        task_targets = yield from _task_targets(stage, task)
        if task_targets is not None:
            linked[task.name] = task_targets
    return LinkedSpec(
        **vars(stage),
        targets={name: item.target for name, item in linked.items()},
        dataset_targets={
            name: item.by_dataset for name, item in linked.items() if item.by_dataset is not None
        },
        unscored={name: item.unscored for name, item in linked.items()},
    )


def _task_targets(stage: TransformedSpec, task: LocatedBlock[Any]) -> Reports[TaskTargets | None]:
    """Return what a task learns; None if that cannot be known."""
    facts = _facts(stage, task)
    if facts is None:
        yield Skip(task.path)
        return None
    if (problem := _disagree(stage, task, facts)) is not None:
        yield problem
        return None
    learned = {name: learn_target(stage, task, name, item) for name, item in facts.items()}
    problems = [problem for item in learned.values() if isinstance(item, list) for problem in item]
    if problems:
        yield Skip(task.path)
        yield from problems
        return None
    return (
        yield from _link(
            stage, task, {name: item for name, item in learned.items() if not isinstance(item, list)}
        )
    )


def _link(
    stage: TransformedSpec, task: LocatedBlock[Any], learned: Mapping[str, LearnedTarget]
) -> Reports[TaskTargets | None]:
    """Return the target of a task, and those of its datasets if they differ."""
    facts = {name: item.facts for name, item in learned.items()}
    separate = _own_heads(stage, task.name) and len(facts) > 1
    if not separate and (problem := _other_units(task, learned)) is not None:
        yield problem
        return None
    targets: list[Target] = []
    for part in [{name: item} for name, item in facts.items()] if separate else [facts]:
        target = task.block.link(part)
        if isinstance(target, Problem):
            yield target.with_prefix(task.path)
            return None
        targets.append(target)
    by_dataset = {
        name: _with_inverse(target, learned[name])
        for name, target in zip(learned, targets if separate else targets * len(learned), strict=True)
    }
    # With one head for all, statistics of fitted transforms may still be each dataset's own.
    differ = separate or len({target.model_dump_json() for target in by_dataset.values()}) > 1
    yield from (problem for item in learned.values() for problem in item.warnings)
    yield from (item.with_prefix(task.path) for item in task.block.check_facts(facts))
    unscored = {name: item.unscored for name, item in learned.items() if item.unscored}
    return TaskTargets(next(iter(by_dataset.values()), targets[0]), by_dataset if differ else None, unscored)


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
    here, there = (_output_text(learned[name]) for name in pair)
    return _dataset_conflict(
        "LOS435",
        task,
        pair,
        f"is learned {here} in `{pair[0]}` but {there} in `{pair[1]}`",
        label="another unit here",
        helps=("transform it alike in all datasets", "or give the head `per_dataset: true`"),
    )


def _first_difference(values: Mapping[str, object]) -> tuple[str, str] | None:
    """Return the first dataset whose value is not the first one's, and the first dataset; None if all agree."""
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


def _output_text(learned: LearnedTarget) -> str:
    return (
        "after " + ", ".join(f"`{block['type']}`" for block in learned.changes)
        if learned.changes
        else "as it is"
    )


def _own_heads(stage: ReadSpec, task: str) -> bool:
    """Return whether each dataset may have its own head, that of the task or of the task whose head it shares."""
    seen: set[str] = set()
    while task not in seen:
        seen.add(task)
        block = get(stage.spec, "tasks", task)
        head = None if block is None else block.head
        if not isinstance(head, str) or head not in stage.spec.tasks:
            return may_be_per_dataset(stage, task)
        task = head
    return False


def _facts(stage: TransformedSpec, task: LocatedBlock[Any]) -> dict[str, FieldFacts] | None:
    """Return the facts of the target by dataset, shaped by transforms; None if some are unknown."""
    if any(
        contains_poison(value)
        for key, value in task.block
        if key not in {"head", "loss", "metrics", "weight"}
    ):
        return None
    names = task_datasets(stage, task.block)
    if not task.block.targets:
        return {} if names else None
    field = task.block.target
    facts = {}
    for name in names:
        shapes = stage.shapes.get(name, {})
        if (
            field is None
            or field not in shapes
            or stage.spec.datasets[name] is POISON
            or contains_poison(stage.spec.seed)
        ):
            return None
        facts[name] = stage.facts[name].fields[field].model_copy(update={"shape": shapes[field]})
    stated = task.block.datasets or ([task.block.dataset] if task.block.dataset else names)
    if not facts or len(facts) < len(stated):
        return None
    layouts = {item.shape.layout for item in facts.values()}
    return facts if layouts <= set(task.block.targets) else None


def _disagree(
    stage: TransformedSpec, task: LocatedBlock[Any], facts: dict[str, FieldFacts]
) -> Problem | None:
    """Return the problem that one head cannot serve all datasets of the task."""
    if _own_heads(stage, task.name):
        return None
    outputs = {name: task.block.output(item) for name, item in facts.items()}
    if any(isinstance(output, Problem) for output in outputs.values()):
        return None  # linking states what is wrong
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
