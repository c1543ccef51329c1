"""Metric names: those that a spec's graph reports, and every place that names one."""

import ast
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from declare.parsing.poison import POISON, contains_poison
from declare.rules.spec_parts import (
    get,
    is_unreadable,
    metric_classes,
    number_duplicates,
    phase_tasks,
    phases,
    task_datasets,
    tasks,
)
from declare.rules.spec_view import View

Mode = Literal["max", "min"]
SPLITS = ("val", "test")
PROBE = "probe"
"""Prefix in place of the split in the metric names of probes."""
_NAME = re.compile(r"[A-Za-z_][\w@]*(?:/[\w@]+)+")


class MetricName(NamedTuple):
    """A metric that evaluations report; `mode` is None for composites, whose direction is unknown."""

    split: str
    task: str | None
    dataset: str | None
    mode: Mode | None
    bounds: tuple[float | None, float | None] = (None, None)


class Monitor(NamedTuple):
    """A place that names a metric: `path` of the name, its purpose, and the phase that computes it."""

    path: str
    metric: str
    use: str
    phase: str | None = None
    mode: Mode | None = None
    mode_path: str = ""
    on: Literal["value", "key"] = "value"


def reported_metrics(view: View) -> dict[str, MetricName] | None:
    """Return every metric that evaluations report, as far as known; None if no task is known.

    `is_unclear` returns whether there may be others.
    """
    metrics: dict[str, MetricName] = {}
    if not get(view.spec, "tasks"):
        return None
    for task in tasks(view):
        classes = metric_classes(task.block)
        if classes is None:
            continue
        rows: dict[str, tuple[Mode, tuple[float | None, float | None]]] = {
            name: (cls.mode, cls.bounds) for name, cls in classes.items()
        }
        rows["loss"] = ("min", (None, None))
        sets = task_datasets(view, task.block)
        for split in SPLITS:
            for name, (mode, bounds) in rows.items():
                metrics[f"{split}/{task.name}/{name}"] = MetricName(split, task.name, None, mode, bounds)
                for dataset in sets if len(sets) > 1 else ():
                    key = f"{split}/{task.name}@{dataset}/{name}"
                    metrics[key] = MetricName(split, task.name, dataset, mode, bounds)
    metrics |= _probe_metrics(view)
    for name in get(view.spec, "metrics") or {}:
        split = "test" if any(part.startswith("test/") for part in composite_parts(view, name)) else "val"
        metrics[name] = MetricName(split, None, None, None)
    return metrics


def is_unclear(view: View, metric: str) -> bool:
    """Return whether something unreadable may report a metric: its task, probe or composite."""
    split, *names = metric.split("/")
    stated = get(view.spec, "tasks") or {}
    unread = {name for name in stated if stated[name] is POISON or metric_classes(stated[name]) is None}
    blocks = get(view.spec, "phases")
    if not names:
        return bool(unread) or is_unreadable(view.spec, "metrics")
    if split == PROBE:
        return (
            bool(unread)
            or blocks is None
            or contains_poison([get(blocks, name, "probes") for name in blocks])
            or any(block is POISON or is_unreadable(block, "probes") for block in blocks.values())
        )
    if len(names) == 1:
        return bool(unread)
    task, _, dataset = names[0].partition("@")
    return task in unread or bool(
        dataset and task in stated and is_unreadable(stated[task], "dataset", "datasets")
    )


def _probe_metrics(view: View) -> dict[str, MetricName]:
    """Return the metrics of probes, which exist after their phase."""
    blocks = {task.name: task.block for task in tasks(view)}
    metrics: dict[str, MetricName] = {}
    for phase in phases(view):
        stated = [get(probe, "task") for probe in get(phase.block, "probes") or ()]
        known = [(name, blocks[name]) for name in stated if name in blocks]
        for name, block in number_duplicates(known).items():
            sets = task_datasets(view, block)
            names = [name, *(f"{name}@{item}" for item in sets if len(sets) > 1)]
            for metric, cls in (metric_classes(block) or {}).items():
                for reported in names:
                    key = f"{PROBE}/{phase.name}/{reported}/{metric}"
                    metrics[key] = MetricName(PROBE, None, None, cls.mode, cls.bounds)
    return metrics


def composite_parts(view: View, name: str) -> list[str]:
    """Return the metric names in a composite's expression."""
    text = get(view.spec, "metrics", name)
    return _NAME.findall(text) if isinstance(text, str) else []


def placeholders(text: str) -> tuple[str, dict[str, str]]:
    """Return a composite's expression with metric names as identifiers, and the names by identifier."""
    names: dict[str, str] = {}

    def replace(match: re.Match[str]) -> str:
        key = f"metric_{len(names)}"
        names[key] = match[0]
        return key

    return _NAME.sub(replace, text), names


def arithmetic(node: ast.AST) -> bool:
    """Return whether a parsed expression contains only arithmetic over numbers and names."""
    if isinstance(node, ast.Expression):
        return arithmetic(node.body)
    if isinstance(node, ast.BinOp):
        legal = isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div | ast.Pow)
        return legal and arithmetic(node.left) and arithmetic(node.right)
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.UAdd | ast.USub) and arithmetic(node.operand)
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float) and not isinstance(node.value, bool)
    return isinstance(node, ast.Name)


def monitors(view: View) -> Iterator[Monitor]:
    """Yield every place that selects, stops, lowers a learning rate or searches by a metric."""
    for phase in phases(view):
        for use, names in (("best checkpoint", ("evaluate", "best")), ("early stopping", ("early_stop",))):
            metric = get(phase.block, *names, "metric")
            if isinstance(metric, str):
                path = ".".join((phase.path, *names))
                mode = get(phase.block, *names, "mode")
                yield Monitor(f"{path}.metric", metric, use, phase.name, mode, f"{path}.mode")
        schedule = get(phase.block, "schedule")
        rule = schedule.plateau_rule() if schedule is not None else None
        if rule is not None and isinstance(rule.metric, str):
            path = f"{phase.path}.schedule"
            yield Monitor(
                f"{path}.metric", rule.metric, "the schedule", phase.name, rule.mode, f"{path}.mode"
            )
    metric = get(view.spec, "tune", "metric")
    if isinstance(metric, str):
        yield Monitor("tune.metric", metric, "the search", None, get(view.spec, "tune", "mode"), "tune.mode")


def expectations(view: View) -> Iterator[Monitor]:
    """Yield the metrics with bounds in `expect`."""
    for name in get(view.spec, "expect") or {}:
        yield Monitor(f"expect.{name}", name, "expect", on="key")


def evaluated_tasks(view: View, phase: str | None) -> set[str] | None:
    """Return the tasks that evaluations of a phase cover; None if unknown."""
    for item in phases(view):
        if item.name == phase:
            trained = phase_tasks(view, item.block)
            return None if trained is None else set(trained)
    return None
