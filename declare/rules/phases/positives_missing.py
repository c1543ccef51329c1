"""A task that compares samples needs some that belong together, in training and where a metric is asked for."""

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
    """Yield tasks without positives in training, and metrics that need some in a split that has none."""
    known, lacking = reported_metrics(view) or {}, dict(splits_without_positives(view))
    for task in tasks(view):
        drawn = [view.facts[name] for name in task_datasets(view, task.block) if name in view.facts]
        if (task.name, "train") in lacking and not any(facts.refused_orders for facts in drawn):
            yield Problem(
                CODE,
                f"no two training samples are positives for `{task.name}`",
                at=task.path,
                on="key",
                label="nothing to bring together",
                notes=(f"of the training samples {lacking[task.name, 'train']}",),
                helps=("name fields that training samples share in `same`", "split the data another way"),
            )
    for monitor in (*monitors(view), *expectations(view)):
        for name in composite_parts(view, monitor.metric) or [monitor.metric]:
            metric = known.get(name)
            if metric is None or metric.task is None or not _needs_positives(view, metric.task, name):
                continue
            if (metric.task, metric.split) in lacking:
                yield _problem(monitor, metric.split, lacking[metric.task, metric.split])


def _needs_positives(view: View, task: str, name: str) -> bool:
    figure = name.rpartition("/")[2]
    block = next(item.block for item in tasks(view) if item.name == task)
    metric = (metric_classes(block) or {}).get(figure)
    return figure == "loss" or (metric is not None and metric.needs_positives)


def _problem(monitor: Monitor, split: str, words: str) -> Problem:
    return Problem(
        CODE,
        f"`{monitor.metric}` is never a number: no positives in `{split}`",
        at=monitor.path,
        on=monitor.on,
        label=f"what {monitor.use} needs",
        notes=(f"of the {split} samples {words}",),
        helps=(
            f"hold samples out so that those of `{split}` share these fields",
            "name a metric that needs no positives, such as `uniformity`",
        ),
    )
