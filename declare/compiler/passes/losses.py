"""Losses: what each task is trained with and judged by, weights of classes included."""

from collections.abc import Iterator, Sequence
from typing import Any

from declare.compiler.graph.output_shapes import shape_mismatches
from declare.compiler.reports import Note, Reports, Skip
from declare.compiler.stages import ReadSpec, ScoredSpec, ShapedSpec
from declare.contract.component import Component
from declare.contract.kinds.loss import Loss
from declare.contract.kinds.metric import Metric, by_metric_name
from declare.contract.kinds.task import Target
from declare.contract.problem import Problem
from declare.ir.plan import LossPlan, MetricPlan, TaskPlan
from declare.parsing.poison import POISON, contains_poison
from declare.parsing.read_component import read_component
from declare.rules.spec_parts import (
    LocatedBlock,
    get,
    is_unreadable,
    phases,
    task_datasets,
    tasks,
    trained_blocks,
)

_RESOLVED = dict.fromkeys(("dataset", "datasets", "head", "loss", "metrics"))
"""Parameters that the plan stores in keys of its own: each fact has one place, stated or by default."""


def run(stage: ShapedSpec) -> Reports[ScoredSpec]:
    """Yield losses whose parameters contradict the target."""
    plans = {}
    for task in tasks(stage):
        plan = yield from _task_plan(stage, task)
        if plan is not None:
            plans[task.name] = plan
    return ScoredSpec(**vars(stage), tasks=plans)


def _task_plan(stage: ShapedSpec, task: LocatedBlock[Any]) -> Reports[TaskPlan | None]:
    """Return the plan of a task; None if something that it needs failed."""
    target, head = stage.targets.get(task.name), stage.wiring.heads.get(task.name)
    if target is None or is_unreadable(task.block, "loss"):
        yield Skip(task.path)
        return None
    losses = _components(task, "loss", "losses", (task.block.default_loss,))
    fitting = [(at, loss) for at, loss in losses if target.prediction in loss.takes]
    for at, loss in fitting:
        for dataset_target in stage.dataset_targets.get(task.name, {"": target}).values():
            yield from (problem.with_prefix(at) for problem in loss.check_target(dataset_target))
        yield from shape_mismatches(stage, task, at, loss)
    samplers = _samplers(stage, task.name)
    if head is None or len(fitting) < len(losses) or contains_poison(task.block) or contains_poison(samplers):
        yield Skip(task.path)
        return None
    block = task.block.drawn_by(samplers)
    if isinstance(block, Problem):
        yield from _no_sampler(stage, task, block)
        return None
    metrics = _components(task, "metrics", "metrics", task.block.default_metrics)
    yield Note(f"task `{task.name}`: {', '.join(loss.type_name() for _, loss in losses)}")
    return TaskPlan(
        block=block.model_copy(update=_RESOLVED).dump(),
        datasets=task_datasets(stage, task.block),
        target_field=task.block.target,
        fields=block.fields(),
        mask=task.block.mask,
        head=head,
        target=target,
        targets=stage.dataset_targets.get(task.name, {}),
        losses=_losses([loss for _, loss in losses], target),
        metrics=_metrics([metric for _, metric in metrics]),
        weight=float(task.block.weight),
    )


def _no_sampler(stage: ReadSpec, task: LocatedBlock[Any], problem: Problem) -> Reports[None]:
    """Yield a problem if no sampler draws what a task needs, when the tasks of every phase are known."""
    blocks = get(stage.spec, "phases") or {"": POISON}
    if any(block is POISON or trained_blocks(stage, block) is None for block in blocks.values()):
        yield Skip(task.path)
    else:
        yield problem.with_prefix(task.path)


def _samplers(stage: ReadSpec, task: str) -> list[Any]:
    """Return the samplers of the phases that train a task; POISON for one that could not be read."""
    blocks = [phase.block for phase in phases(stage) if not is_unreadable(phase.block, "tasks")]
    samplers = [block.sampler for block in blocks if block.tasks is None or task in block.tasks]
    return [sampler for sampler in samplers if sampler is not None]


def _components(
    task: LocatedBlock[Any], key: str, kind: str, default: tuple[str, ...]
) -> list[tuple[str, Any]]:
    """Return a task's readable components with their places, those of its type by default."""
    stated = getattr(task.block, key)
    at = f"{task.path}.{key}"
    if stated is None:
        return [(task.path, read_component(kind, {"type": name})) for name in default]
    single = not isinstance(stated, list)
    items = [(at, stated)] if single else [(f"{at}.{i}", item) for i, item in enumerate(stated)]
    return [(place, item) for place, item in items if not contains_poison(item)]


def _losses(losses: Sequence[Loss], target: Target) -> tuple[LossPlan, ...]:
    return tuple(
        LossPlan(
            name=name, block=loss.dump(), weight=float(loss.weight), class_weights=loss.class_weights(target)
        )
        for name, loss in _numbered_names(losses)
    )


def _metrics(metrics: Sequence[Metric]) -> tuple[MetricPlan, ...]:
    return tuple(
        MetricPlan(name=name, block=metric.dump(), mode=metric.mode)
        for name, metric in by_metric_name(metrics).items()
    )


def _numbered_names(components: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """Name components by their types; a second one of a type gets a number."""
    seen: dict[str, int] = {}
    for item in components:
        assert isinstance(item, Component)
        name = item.type_name()
        seen[name] = seen.get(name, 0) + 1
        yield (name if seen[name] == 1 else f"{name}_{seen[name]}"), item
