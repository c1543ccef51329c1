"""Several specs, plans or runs side by side: what differs in their settings, and what that changes."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Literal

from declare.ir.plan import Plan
from declare.report.plan_differences import Difference, differences, sample_differences
from declare.report.report import Curve, Part, Report

FORMAT = "1.0"
Unit = Literal["count", "bytes", "number"]
Mode = Literal["max", "min"]


class Row(Part):
    """A metric or a cost, one value for each label, None if unknown; `trivial` are the baseline's values.

    `mode` is `max` if more is better, `min` if less is, None if neither.
    """

    name: str
    values: tuple[float | None, ...]
    unit: Unit = "number"
    mode: Mode | None = None
    trivial: tuple[float | None, ...] = ()

    @property
    def best(self) -> frozenset[int]:
        """The positions of the best value; none if all are equal or there is no `mode`."""
        finite = {
            index: value
            for index, value in enumerate(self.values)
            if value is not None and math.isfinite(value)
        }
        if self.mode is None or len(set(finite.values())) < 2:
            return frozenset()
        best = (max if self.mode == "max" else min)(finite.values())
        return frozenset(index for index, value in finite.items() if value == best)


class SharedCurve(Part):
    """A metric over global optimizer steps: one curve for each label, None if it has no such curve."""

    name: str
    curves: tuple[Curve | None, ...]


class Comparison(Part):
    """A comparison; tuples of values are in the order of `labels`.

    `settings` are what was set otherwise, `consequences` what the plans compute from that; `other_samples` are the
    settings because of which metrics are of different samples, and cannot be compared as they are.
    """

    format: str = FORMAT
    labels: tuple[str, ...]
    status: tuple[str, ...]
    settings: tuple[Difference, ...]
    consequences: tuple[Difference, ...]
    other_samples: tuple[str, ...]
    costs: tuple[Row, ...]
    metrics: tuple[Row, ...]
    curves: tuple[SharedCurve, ...]


def compare(paths: Sequence[PurePath], plans: Sequence[Plan], reports: Sequence[Report]) -> Comparison:
    """Compare specs, plans or runs; `paths` are their places, for labels."""
    changed = differences(plans)
    return Comparison(
        labels=short_labels(paths),
        status=tuple(report.status for report in reports),
        settings=tuple(item for item in changed if not item.follows),
        consequences=tuple(item for item in changed if item.follows),
        other_samples=sample_differences(changed),
        costs=tuple(_costs(reports)),
        metrics=tuple(_metrics(plans, reports)),
        curves=tuple(_curves(reports)),
    )


def short_labels(paths: Sequence[PurePath]) -> tuple[str, ...]:
    """Return the shortest ends of the paths that differ from each other; equal paths are numbered."""
    parts = [path.parts or (".",) for path in paths]
    for length in range(1, max(map(len, parts)) + 1):
        labels = ["/".join(part[-length:]) for part in parts]
        if len(set(labels)) == len(labels):
            return tuple(labels)
    return tuple(f"{label} ({number})" for number, label in enumerate(map(str, paths), 1))


def _costs(reports: Sequence[Report]) -> Iterable[Row]:
    """Yield sizes and costs as planned, and the speed of runs."""

    def row(name: str, unit: Unit, values: Iterable[float | None]) -> Row:
        return Row(name=name, values=tuple(values), unit=unit)

    yield row("parameters", "count", (report.total_parameters for report in reports))
    yield row("forward FLOPs of one sample", "count", map(_flops, reports))
    for dataset in _names(reports, lambda report: [data.name for data in report.datasets]):
        sizes = [{data.name: data.splits for data in report.datasets} for report in reports]
        yield row(
            f"{dataset}: training samples", "count", (size.get(dataset, {}).get("train") for size in sizes)
        )
    for name in _names(reports, lambda report: [phase.name for phase in report.phases]):
        phases = [next((p for p in report.phases if p.name == name), None) for report in reports]
        speeds = [next((t for t in report.throughput if t.phase == name), None) for report in reports]
        yield row(f"{name}: steps", "count", [p.steps if p else None for p in phases])
        yield row(
            f"{name}: trainable parameters", "count", [p.trainable_parameters if p else None for p in phases]
        )
        yield row(f"{name}: memory", "bytes", [p.memory_bytes if p else None for p in phases])
        yield row(f"{name}: samples/s", "count", [t.samples_per_second if t else None for t in speeds])


def _flops(report: Report) -> int | None:
    """Return the FLOPs of one sample through one instance of every node; None if a node's are unknown."""
    flops = [node.forward_flops for node in report.nodes]
    return None if None in flops else sum(item or 0 for item in flops)


def _metrics(plans: Sequence[Plan], reports: Sequence[Report]) -> Iterable[Row]:
    modes = _modes(plans)
    for name in _names(reports, lambda report: report.metrics):
        yield Row(
            name=name,
            values=tuple(report.metrics.get(name) for report in reports),
            mode=modes.get(name.rpartition("/")[2].partition(":")[0]),
            trivial=tuple(report.trivial.get(name) for report in reports),
        )


def _modes(plans: Sequence[Plan]) -> Mapping[str, Mode]:
    """Return by the last part of a metric's name whether more or less of it is better."""
    modes: dict[str, Mode] = {"loss": "min"}
    for plan in plans:
        modes |= {metric.name: metric.mode for task in plan.tasks.values() for metric in task.metrics}
    return modes


def _curves(reports: Sequence[Report]) -> Iterable[SharedCurve]:
    by_name = [{curve.name: curve for curve in report.curves} for report in reports]
    for name in _names(reports, lambda report: [curve.name for curve in report.curves]):
        yield SharedCurve(name=name, curves=tuple(curves.get(name) for curves in by_name))


def _names(reports: Sequence[Report], names_of: Callable[[Report], Iterable[str]]) -> list[str]:
    """Return the names that any of the reports has, in the order of the first that has one."""
    return list(dict.fromkeys(name for report in reports for name in names_of(report)))
