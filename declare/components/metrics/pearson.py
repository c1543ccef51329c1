"""`pearson`: the correlation of predicted and true values."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from declare.contract.metric import Metric
from declare.contract.task import Target


class Pearson(Metric):
    """Pearson's correlation of predicted and true values.

    Takes values [N] or [N, width], averaged over outputs; missing targets do not count.
    Not defined (null) where one side is constant. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [pearson]}
    ```
    """

    takes: ClassVar[frozenset[str]] = frozenset({"values"})
    mode: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float | None, float | None]] = (-1.0, 1.0)

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.figure import Figure
        from declare.nn.metrics.moments import Moments, correlation, each_output

        return Figure(Moments(), each_output(correlation))
