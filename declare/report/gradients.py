"""Measured gradients of tasks: norms over steps, and the cosine of each pair."""

from collections.abc import Iterable
from typing import NamedTuple

from declare.report.report import Curve

_NORM, _COSINE = "gradients/norm/", "gradients/cosine/"


class Agreement(NamedTuple):
    """Mean cosines of `tasks` by `tasks` over all measurements (None: never both there)."""

    tasks: tuple[str, ...]
    rows: tuple[tuple[float | None, ...], ...]


def is_gradient(metric: str) -> bool:
    """Return whether a metric is one of the tasks' gradients."""
    return metric.startswith((_NORM, _COSINE))


def norms(curves: Iterable[Curve]) -> list[Curve]:
    """Return the norms over steps, each under the name of its task."""
    return [
        curve.model_copy(update={"name": curve.name.removeprefix(_NORM)})
        for curve in curves
        if curve.name.startswith(_NORM)
    ]


def cosines(curves: Iterable[Curve]) -> list[Curve]:
    """Return the cosines over steps, each under the names of its pair."""
    return [
        curve.model_copy(update={"name": curve.name.removeprefix(_COSINE).replace(":", " and ")})
        for curve in curves
        if curve.name.startswith(_COSINE)
    ]


def agreement(curves: Iterable[Curve]) -> Agreement:
    """Return the mean cosine of every pair of tasks."""
    curves = list(curves)
    tasks = tuple(curve.name for curve in norms(curves))
    means = {
        frozenset(curve.name.removeprefix(_COSINE).split(":")): _mean(curve)
        for curve in curves
        if curve.name.startswith(_COSINE)
    }
    rows = tuple(
        tuple(1.0 if one == other else means.get(frozenset((one, other))) for other in tasks) for one in tasks
    )
    return Agreement(tasks, rows)


def _mean(curve: Curve) -> float:
    return sum(value for _, value in curve.points) / len(curve.points)
