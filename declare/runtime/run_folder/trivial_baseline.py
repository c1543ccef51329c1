"""The trivial baseline beside the model: names of its metrics, and whether a run has beaten it."""

import math
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple, TypeVar

from declare.contract.problem import Problem
from declare.ir.lr_schedule import is_better
from declare.ir.plan import Plan
from declare.runtime.run_folder.durable_io import brief

Value = TypeVar("Value", float, float | None)
PREFIX = "trivial/"
"""Prefix of the names of the trivial baseline's metrics."""


def with_prefix(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the trivial baseline's metrics as a run's final metrics name them."""
    return {f"{PREFIX}{name}": value for name, value in metrics.items()}


def split_baseline(metrics: Mapping[str, Value]) -> tuple[dict[str, Value], dict[str, Value]]:
    """Return a run's final metrics as those of the model and, by the same names, those of the trivial baseline."""
    trivial = {name.removeprefix(PREFIX): item for name, item in metrics.items() if name.startswith(PREFIX)}
    return {name: item for name, item in metrics.items() if not name.startswith(PREFIX)}, trivial


class Unbeaten(NamedTuple):
    """A metric in which the run ended no better than the trivial baseline; `at` is what asks for the metric."""

    metric: str
    value: float
    trivial: float
    at: str

    def problem(self) -> Problem:
        """Return the finding (PHS627)."""
        return Problem(
            "PHS627",
            f"`{brief(self.metric)}` is {_number_text(self.value)}, no better than trivial",
            at=self.at,
            label="nothing learned shows here",
            notes=(f"the trivial baseline, the same answer for every sample, reaches {self.trivial:.6g}",),
            helps=(
                "train longer, or with another learning rate; `dcl train --sanity` tries one batch",
                "check whether the inputs predict the target: `dcl data check`",
            ),
        )


def baseline_findings(plan: Plan, metrics: Mapping[str, float]) -> list[Problem]:
    """Return the findings (PHS627) that a run ended no better than the trivial baseline."""
    return [item.problem() for item in metrics_below_baseline(plan, metrics)]


def metrics_below_baseline(plan: Plan, metrics: Mapping[str, float]) -> list[Unbeaten]:
    """Return the metrics that selected the run's weights and do not beat the trivial baseline.

    A metric that only predictions which are not numbers leave undefined beats nothing.
    If the last phase names no `best`, those are the first metric of each task that it trains, on validation data.
    """
    return [
        Unbeaten(name, value, trivial, at)
        for name, mode, at in _judged_metrics(plan)
        if (value := metrics.get(name)) is not None
        and math.isfinite(trivial := metrics.get(PREFIX + name, math.nan))
        and not is_better(value, trivial, mode)
    ]


def _number_text(value: float) -> str:
    return "not a number" if math.isnan(value) else f"{value:.4g}"


def _judged_metrics(plan: Plan) -> Iterator[tuple[str, Literal["max", "min"], str]]:
    """Yield name and direction of each metric that the run is judged by, and the place that asks for it."""
    last = plan.phases[-1]
    if last.best is not None:
        yield last.best.metric, last.best.mode, f"phases.{last.name}.evaluate.best.metric"
        return
    for task in last.tasks:
        for metric in plan.tasks[task].metrics[:1]:
            yield f"val/{task}/{metric.name}", metric.mode, f"tasks.{task}"
