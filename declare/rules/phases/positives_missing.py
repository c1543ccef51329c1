"""A task that compares samples needs positives in training and in splits with monitored metrics."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.metric_names import (
    Monitor,
    composite_parts,
    expectations,
    monitors,
    reported_metrics,
)
from declare.rules.queries.pairings import splits_without_positives
from declare.rules.spec_parts import metric_classes, task_datasets, tasks
from declare.rules.spec_view import View

CODE = "PHS654"
STAGE = "facts"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for tasks without positives in training, and for monitored metrics in a split without them."""
    known, lacking = reported_metrics(view) or {}, dict(splits_without_positives(view))
    for task in tasks(view):
        drawn = [view.facts[name] for name in task_datasets(view, task.block) if name in view.facts]
        if (task.name, "train") in lacking and not any(facts.refused_orders for facts in drawn):
            yield Problem(
                CODE,
                f"no two training samples are positives for `{task.name}`",
                at=task.path,
                on="key",
                label="no positives",
                notes=(f"of the training samples {lacking[task.name, 'train']}",),
                helps=("list fields that training samples share in `same`", "split the data differently"),
            )
    for monitor in (*monitors(view), *expectations(view)):
        for name in composite_parts(view, monitor.metric) or [monitor.metric]:
            metric = known.get(name)
            if metric is None or metric.task is None or not _needs_positives(view, metric.task, name):
                continue
            if (metric.task, metric.split) in lacking:
                yield _problem(monitor, metric.split, lacking[metric.task, metric.split])


def _needs_positives(view: View, task: str, name: str) -> bool:
    metric_name = name.rpartition("/")[2]
    block = next(item.block for item in tasks(view) if item.name == task)
    metric = (metric_classes(block) or {}).get(metric_name)
    return metric_name == "loss" or (metric is not None and metric.needs_positives)


def _problem(monitor: Monitor, split: str, words: str) -> Problem:
    return Problem(
        CODE,
        f"`{monitor.metric}` is undefined: `{split}` has no positives",
        at=monitor.path,
        on=monitor.on,
        label=f"needed by {monitor.use}",
        notes=(f"of the {split} samples {words}",),
        helps=(
            f"hold out samples so that those of `{split}` share these fields",
            "use a metric that needs no positives, such as `uniformity`",
        ),
    )
