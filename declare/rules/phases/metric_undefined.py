"""A metric that picks, stops or searches must be a number on the samples of its split."""

from collections.abc import Iterator

from declare.contract.kinds.task import Task
from declare.contract.problem import Problem
from declare.parsing.poison import POISON, poison_all
from declare.rules.queries.metric_names import (
    MetricName,
    Monitor,
    composite_parts,
    expectations,
    monitors,
    reported_metrics,
)
from declare.rules.queries.missing_labels import (
    Missing,
    labels_missing,
    no_target_note,
    tasks_without_labels,
)
from declare.rules.spec_parts import LocatedBlock, get, metric_classes, task_datasets, tasks
from declare.rules.spec_view import View

CODE = "PHS656"
STAGE = "links"
_ONE_TARGET = frozenset({"number", "category", "id", "counts", "vector"})
"""Layouts of which a sample has one target: of a series or a text one sample alone has many."""


def check(view: View) -> Iterator[Problem]:
    """Yield each metric that is asked for and that the samples of its split do not define."""
    known, blocks = reported_metrics(view) or {}, {task.name: task for task in tasks(view)}
    for monitor in (*monitors(view), *expectations(view)):
        for name in composite_parts(view, monitor.metric) or [monitor.metric]:
            metric = known.get(name)
            if metric is None or metric.task is None or metric.task not in blocks:
                continue
            note = _undefined_note(view, blocks[metric.task], metric, name.rpartition("/")[2])
            if note:
                yield _problem(monitor, note)
                break


def _undefined_note(view: View, task: LocatedBlock[Task], metric: MetricName, name: str) -> str:
    """Return why a metric is undefined on its split; empty if it is defined, or if that is not known."""
    for unlabelled, dataset in tasks_without_labels(view, metric.split):
        if unlabelled.name == task.name and dataset in ("", metric.dataset):
            return no_target_note(task, metric.split, dataset)
    component = (metric_classes(task.block) or {}).get(name)
    if component is None or not component.needs_varied_targets:
        return ""
    names = [metric.dataset] if metric.dataset else list(task_datasets(view, task.block))
    return _constant_note(view, task, metric.split, names)


def _constant_note(view: View, task: LocatedBlock[Task], split: str, names: list[str]) -> str:
    """Return that all targets of a split are alike, or that it holds one alone; of several datasets, one must."""
    rows = [
        item for item in labels_missing(view, split) if item.task.name == task.name and item.dataset in names
    ]
    labelled = [item for item in rows if item.missing < item.samples]
    if len(labelled) != 1:
        return ""
    (item,) = labelled
    shape = view.facts[item.dataset].fields[item.target].shape
    if shape.layout in _ONE_TARGET and len(shape.dims) <= 1:
        if item.samples - item.missing == 1:
            return f"one sample of {split} alone has the target `{item.target}`"
        if split in view.facts[item.dataset].constant_splits.get(item.target, ()):
            return f"all samples of {split} have the same `{item.target}`"
    if _is_made_constant(view, item, split):
        return f"the transforms make all `{item.target}` of {split} the same"
    return ""


def _is_made_constant(view: View, item: Missing, split: str) -> bool:
    """Return whether the lowest and the highest value of a target become one, as far as that is known."""
    facts = view.facts[item.dataset]
    limits = facts.split_ranges.get(item.target, {}).get(split)
    if limits is None:
        return False
    import numpy as np

    axes = [1 if axis else dim or 1 for axis, dim in enumerate(facts.fields[item.target].shape.dims)]
    values = np.asarray(limits, np.float32).reshape(2, *[1] * len(axes)) * np.ones(axes, np.float32)
    learned = _learned_statistics(view, item)
    for transform in poison_all(get(view.spec.datasets[item.dataset], "transforms") or ()):
        if transform is POISON or item.target not in (transform.field, *(transform.fields or ())):
            continue
        statistics = learned.get(repr(transform.dump()), {})
        if not transform.monotone and not (transform.affine and statistics):
            return False
        if transform.on in {"all", "eval"}:
            values = transform.apply(values, statistics)
    return bool((values[0] == values[1]).all())


def _learned_statistics(view: View, item: Missing) -> dict[str, dict[str, list[float]]]:
    """Return the statistics of transforms that the target of a task of one dataset is taken back through."""
    target = view.targets.get(item.task.name)
    if target is None or len(task_datasets(view, item.task.block)) > 1:
        return {}
    learned = {
        repr(step.transform): {name: list(values) for name, values in step.statistics.items()}
        for step in target.undo
    }
    return learned if len(learned) == len(target.undo) else {}


def _problem(monitor: Monitor, note: str) -> Problem:
    return Problem(
        CODE,
        f"`{monitor.metric}` is never a number on these samples",
        at=monitor.path,
        on=monitor.on,
        label=f"needed by {monitor.use}",
        notes=(note,),
        helps=("hold out other samples, or more", "or name another metric, such as the loss"),
    )
