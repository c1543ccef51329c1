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
from declare.rules.queries.missing_labels import labels_missing, tasks_without_labels
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
    """Return why a metric is undefined on its split; empty where it is defined, or where that is not known."""
    if metric.dataset is None and any(
        task.name == unlabelled.name for unlabelled in tasks_without_labels(view, metric.split)
    ):
        return f"no sample of {metric.split} has the target `{task.block.target}`"
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
    if shape.layout not in _ONE_TARGET or len(shape.dims) > 1:
        return ""
    if item.samples - item.missing == 1:
        return f"one sample of {split} alone has the target `{item.target}`"
    if split in view.facts[item.dataset].constant_splits.get(item.target, ()):
        return f"all samples of {split} have the same `{item.target}`"
    if _is_made_constant(view, item.dataset, item.target, split):
        return f"the transforms make all `{item.target}` of {split} the same"
    return ""


def _is_made_constant(view: View, dataset: str, field: str, split: str) -> bool:
    """Return whether the lowest and the highest value of a field become one, as far as that is known."""
    limits = view.facts[dataset].split_ranges.get(field, {}).get(split)
    if limits is None:
        return False
    import numpy as np

    values = np.asarray(limits, np.float32)
    for transform in poison_all(get(view.spec.datasets[dataset], "transforms") or ()):
        if transform is POISON or field not in (transform.field, *(transform.fields or ())):
            continue
        if not transform.monotone:
            return False
        if transform.on in {"all", "eval"}:
            values = transform.apply(values, {})
    return bool(values[0] == values[1])


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
