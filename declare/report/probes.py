"""Results of probes, by phase: how well frozen features predict each target."""

from typing import NamedTuple

from declare.report.report import Report

_START = "probe/"


class Across(NamedTuple):
    """Metrics by `TASK/METRIC`, one for each of `phases` (None if a phase does not probe it)."""

    phases: tuple[str, ...]
    rows: dict[str, tuple[float | None, ...]]


def across_phases(report: Report) -> Across:
    """Return the metrics of all probes, with phases in the order in which they ran."""
    metrics: dict[str, dict[str, float | None]] = {}
    for name, value in report.metrics.items():
        if is_probe(name):
            phase, _, metric = name.removeprefix(_START).partition("/")
            metrics.setdefault(metric, {})[phase] = value
    probed = {phase for values in metrics.values() for phase in values}
    phases = tuple(phase.name for phase in report.phases if phase.name in probed)
    return Across(
        phases, {name: tuple(values.get(phase) for phase in phases) for name, values in metrics.items()}
    )


def is_probe(metric: str) -> bool:
    """Return whether a metric is a probe's."""
    return metric.startswith(_START)
