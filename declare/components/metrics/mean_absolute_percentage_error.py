"""`mean_absolute_percentage_error`: the mean error as a share of the target."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from declare.contract.metric import Metric
from declare.contract.task import Target


class MeanAbsolutePercentageError(Metric):
    """Mean of the absolute error over the size of the target, as a share (1 is 100%).

    Takes values [N] or [N, width], over all values; missing targets do not count. Not defined (null) where a
    target is 0. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [mean_absolute_percentage_error]}
    ```
    """

    takes: ClassVar[frozenset[str]] = frozenset({"values"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.figure import Figure
        from declare.nn.metrics.moments import ElementSums, mean_cost, relative_error

        return Figure(ElementSums(relative_error), mean_cost)
