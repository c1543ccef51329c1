"""`regression`: numbers for each sample."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import Field as Param

from declare.components.tasks._classes import may_miss
from declare.contract.data import FieldFacts
from declare.contract.problem import Problem
from declare.contract.shapes import Layout, Shape
from declare.contract.task import Target, Task, TaskAdapter


class Regression(Task):
    """Predicts a number, or a vector of numbers, for each sample.

    The target is a `number` field [B], a `vector` field [B, width] or a `counts` field [B, units], with NaN
    where it is missing. It is learned in standard units: the mean is subtracted and the rest divided by the
    standard deviation, both over the training splits of all datasets of the task (datasets weigh the same).
    Metrics and predictions are in the target's own units.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [mae, r2]}
    ```
    """

    targets: ClassVar[tuple[Layout, ...]] = ("number", "vector", "counts", "sequence")
    prediction: ClassVar[str] = "values"
    default_loss: ClassVar[str] = "mse"
    default_metrics: ClassVar[tuple[str, ...]] = ("mae", "rmse", "r2")

    normalize: bool = Param(True, description="learn the target in standard units")

    def output(self, facts: FieldFacts) -> Shape | Problem:
        """Return the target's own shape."""
        if facts.shape.layout in {"number", "sequence"}:
            return Shape(facts.shape.layout, facts.shape.dims)
        return Shape("vector", facts.shape.dims)

    def link(self, facts: Mapping[str, FieldFacts]) -> Target | Problem:
        """Return the target with mean and standard deviation of the training splits."""
        output = self.output(next(iter(facts.values())))
        if isinstance(output, Problem):
            return output
        mean, std = (
            _pooled([(item.mean, item.std) for item in facts.values()]) if self.normalize else (None, None)
        )
        return Target(
            prediction=self.prediction,
            output=output,
            mean=None if mean is None else (mean,),
            std=None if std is None else (std,),
            # A vector may lack some of its numbers, which facts do not count.
            may_miss=output.layout != "number" or may_miss(self, facts),
        )

    def build(self, target: Target) -> TaskAdapter:
        """Return the adapter."""
        from declare.nn.tasks.regression import Regression as Real

        mean = target.mean[0] if target.mean else 0.0
        std = target.std[0] if target.std else 1.0
        return Real(target=self.target or "", mask=self.mask, mean=mean, std=std)


def _pooled(moments: Sequence[tuple[float | None, float | None]]) -> tuple[float | None, float | None]:
    """Return mean and standard deviation over groups of equal weight; 1 where nothing varies."""
    known = [(mean, std) for mean, std in moments if mean is not None and std is not None]
    if not known:
        return None, None
    mean = sum(item for item, _ in known) / len(known)
    variance = sum(std**2 + (item - mean) ** 2 for item, std in known) / len(known)
    # A constant target keeps its unit: dividing by a spread that is only rounding would blow it up.
    std = math.sqrt(variance)
    return mean, std if std > 1e-12 * max(1.0, abs(mean)) else 1.0
