"""`weighted_mean_absolute_percentage_error`: all errors as a share of all targets."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from declare.contract.metric import Metric
from declare.contract.task import Target


class WeightedMeanAbsolutePercentageError(Metric):
    """Sum of absolute errors over the sum of the sizes of targets, as a share.

    Takes values [N] or [N, width], over all values; missing targets do not count. Not defined (null) where all
    targets are 0. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [weighted_mean_absolute_percentage_error]}
    ```
    """

    takes: ClassVar[frozenset[str]] = frozenset({"values"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.figure import Figure
        from declare.nn.metrics.moments import ElementSums, absolute_error, mean_cost, target_size

        return Figure(ElementSums(absolute_error, target_size), mean_cost)
