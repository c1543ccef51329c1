"""`mean_squared_log_error`: the mean squared error of logarithms."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from declare.contract.metric import Metric
from declare.contract.task import Target


class MeanSquaredLogError(Metric):
    """Mean of the squared difference of log(1 + value).

    Takes values [N] or [N, width], over all values; missing targets do not count. Not defined (null) where a
    value or a prediction is -1 or below. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [mean_squared_log_error]}
    ```
    """

    takes: ClassVar[frozenset[str]] = frozenset({"values"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.figure import Figure
        from declare.nn.metrics.moments import ElementSums, mean_cost, squared_log_error

        return Figure(ElementSums(squared_log_error), mean_cost)
