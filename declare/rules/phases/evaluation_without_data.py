"""A metric needs samples in its split: an empty validation split gives none."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.metric_names import (
    MetricName,
    Monitor,
    composite_parts,
    expectations,
    monitors,
    reported_metrics,
)
from declare.rules.spec_parts import get, task_datasets, tasks
from declare.rules.spec_view import View

CODE = "PHS610"
STAGE = "facts"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each monitored metric whose split is empty in all its datasets."""
    known = reported_metrics(view) or {}
    seen: set[str] = set()
    for monitor in (*monitors(view), *expectations(view)):
        for name in composite_parts(view, monitor.metric) or [monitor.metric]:
            metric = known.get(name)
            if metric is None or (metric.split == "test" and monitor.on == "value"):
                continue  # unknown metrics and tests that would choose have their own findings
            empty = _empty(view, metric) if metric.task else None
            if empty and monitor.path not in seen:
                seen.add(monitor.path)
                yield _problem(view, monitor, metric, empty)


def _empty(view: View, metric: MetricName) -> tuple[str, ...] | None:
    """Return the datasets of a metric if all of them lack its split."""
    block = next((task.block for task in tasks(view) if task.name == metric.task), None)
    if block is None:
        return None
    names = (metric.dataset,) if metric.dataset else task_datasets(view, block)
    if not names or any(name not in view.facts or not view.facts[name].splits for name in names):
        return None
    if any(view.facts[name].splits.get(metric.split, 0) for name in names):
        return None
    return names


def _problem(view: View, monitor: Monitor, metric: MetricName, empty: tuple[str, ...]) -> Problem:
    dataset = empty[0]
    stated = get(view.spec, "datasets", dataset, "split")
    where = f"datasets.{dataset}.split" if stated is not None else f"datasets.{dataset}"
    return Problem(
        CODE,
        f"{monitor.use} needs `{monitor.metric}`, but `{dataset}` has no {metric.split} samples",
        at=monitor.path,
        on=monitor.on,
        label="can never be computed",
        also={where: f"0 samples in `{metric.split}`"},
        helps=(f"hold out samples with `split: {{{metric.split}: 0.1}}`", "use a metric of another split"),
    )
