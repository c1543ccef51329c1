"""`log_cosh_error`: the mean log cosh of errors."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from declare.contract.metric import Metric
from declare.contract.task import Target


class LogCoshError(Metric):
    """Mean of log(cosh(error)): half the squared error where small, the absolute error less log 2 where large.

    Takes values [N] or [N, width], over all values; missing targets do not count. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [log_cosh_error]}
    ```
    """

    takes: ClassVar[frozenset[str]] = frozenset({"values"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.figure import Figure
        from declare.nn.metrics.moments import ElementSums, log_cosh, mean_cost

        return Figure(ElementSums(log_cosh), mean_cost)
