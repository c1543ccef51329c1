"""The stated direction of a metric must be that of improvement."""

from collections.abc import Iterator

from declare.contract.problem import Problem, Rewrite
from declare.rules.queries.metric_names import monitors, reported_metrics
from declare.rules.spec_view import View

CODE = "PHS607"
STAGE = "names"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each monitor whose `mode` would select the worst model."""
    known = reported_metrics(view) or {}
    for monitor in monitors(view):
        metric = known.get(monitor.metric)
        if metric is None or metric.mode is None or monitor.mode in {None, metric.mode}:
            continue
        better = "higher" if metric.mode == "max" else "lower"
        name = monitor.metric.rpartition("/")[2]
        yield Problem(
            CODE,
            f"{monitor.use} takes the {monitor.mode}imum of `{name}`, but {better} is better",
            at=monitor.mode_path,
            label=f"would select the worst `{name}`",
            also={monitor.path: f"{better} is better"},
            helps=(f"set `mode: {metric.mode}`",),
            rewrites=(Rewrite(f"set `mode: {metric.mode}`", monitor.mode_path, metric.mode, safe=False),),
        )
