"""A metric that selects a checkpoint, stops a phase, guides a search or is expected must be reported."""

from collections.abc import Iterator

from declare.contract.problem import Problem, Rewrite
from declare.diagnostics.suggest import suggest
from declare.parsing.lookup import own_names
from declare.rules.queries.compatible import join_words
from declare.rules.queries.metric_names import (
    PROBE,
    MetricName,
    Monitor,
    composite_parts,
    evaluated_tasks,
    expectations,
    is_unclear,
    monitors,
    reported_metrics,
)
from declare.rules.spec_parts import get
from declare.rules.spec_view import View

CODE = "PHS601"
STAGE = "names"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each name of a metric that no evaluation reports."""
    known = reported_metrics(view)
    if known is None:
        return
    # Probes are fitted when a phase is over: nothing inside it can wait for them.
    early = {name: metric for name, metric in known.items() if metric.split != PROBE}
    for monitor in (*monitors(view), *expectations(view), *_composites(view)):
        names = known if monitor.path.startswith("expect.") else early
        if monitor.metric not in names:
            if is_unclear(view, monitor.metric):
                continue
            yield _unknown_metric_problem(monitor, names)
        else:
            yield from _other_phase_problem(view, monitor, known[monitor.metric])


def _composites(view: View) -> Iterator[Monitor]:
    for name in get(view.spec, "metrics") or {}:
        for part in composite_parts(view, name):
            yield Monitor(f"metrics.{name}", part, f"composite `{name}`")


def _unknown_metric_problem(monitor: Monitor, known: dict[str, MetricName]) -> Problem:
    chooses = monitor.on == "value" and not monitor.use.startswith("composite")
    names = [name for name, metric in known.items() if not chooses or metric.split != "test"]
    near = suggest(monitor.metric, names) or _same_task(monitor.metric, names)
    rewrites: tuple[Rewrite, ...] = ()
    if near and monitor.on == "key":
        rewrites = (Rewrite(f"rename to `{near[0]}`", monitor.path, key=near[0], safe=False),)
    elif near and chooses:
        rewrites = (Rewrite(f"change to `{near[0]}`", monitor.path, near[0], safe=False),)
    return Problem(
        CODE,
        f"{monitor.use} names `{monitor.metric}`, which no task reports",
        at=monitor.path,
        on=monitor.on,
        label="no such metric",
        notes=(f"reported metrics: {_some(known)}",),
        helps=(*_not_asked_for(monitor.metric, known), *((f"use {join_words(near[:3])}",) if near else ())),
        rewrites=rewrites,
    )


def _not_asked_for(name: str, known: dict[str, MetricName]) -> tuple[str, ...]:
    """Return what to add if the metric exists but its task does not compute it."""
    parts = name.split("/")
    tasks = {metric.task for metric in known.values() if metric.task}
    task = parts[1].partition("@")[0] if len(parts) == 3 else ""
    if task in tasks and parts[2] in own_names("metrics"):
        return (f"add `{parts[2]}` to `tasks.{task}.metrics`",)
    return (
        ()
        if task in tasks
        else (f"write it as `SPLIT/TASK/METRIC`; the tasks are {join_words(sorted(tasks), 'and')}",)
    )


def _same_task(name: str, known: list[str]) -> list[str]:
    parts = name.split("/")
    if len(parts) == 2:
        return [full for full in known if full == f"val/{name}"] or [
            full for full in known if full.startswith(f"{parts[0]}/") and full.endswith(f"/{parts[1]}")
        ]
    if len(parts) == 1:
        return [full for full in known if full.startswith("val/") and full.endswith(f"/{name}")]
    return [full for full in known if full.startswith(f"{parts[0]}/{parts[1]}/")]


def _some(known: dict[str, MetricName]) -> str:
    names = [name for name in known if not name.startswith("test/")]
    return ", ".join(f"`{name}`" for name in names[:8]) + (", ..." if len(names) > 8 else "")


def _other_phase_problem(view: View, monitor: Monitor, metric: MetricName) -> Iterator[Problem]:
    covered = evaluated_tasks(view, monitor.phase)
    if monitor.phase is None or covered is None or metric.task is None or metric.task in covered:
        return
    yield Problem(
        CODE,
        f"{monitor.use} watches task `{metric.task}`, which phase `{monitor.phase}` does not train",
        at=monitor.path,
        label="not computed in this phase",
        also={f"phases.{monitor.phase}.tasks": "the tasks of this phase"},
        helps=(
            f"watch a metric of {join_words(sorted(covered))}, or add `{metric.task}` to the phase"
            if covered
            else f"add `{metric.task}` to the `tasks` of the phase",
        ),
    )
