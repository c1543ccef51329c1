"""`symmetric_mean_absolute_percentage_error`: the mean error as a share of both sizes."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from declare.contract.metric import Metric
from declare.contract.task import Target


class SymmetricMeanAbsolutePercentageError(Metric):
    """Mean of the absolute error over the mean size of target and prediction, as a share: 2 at most.

    Takes values [N] or [N, width], over all values; missing targets do not count. 0 where both are 0. Source:
    Makridakis 1993.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [symmetric_mean_absolute_percentage_error]}
    ```
    """

    takes: ClassVar[frozenset[str]] = frozenset({"values"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 2.0)

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.figure import Figure
        from declare.nn.metrics.moments import ElementSums, mean_cost, symmetric_relative_error

        return Figure(ElementSums(symmetric_relative_error), mean_cost)
