"""`nrmse`: the error in standard deviations of the target."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from declare.contract.metric import Metric
from declare.contract.task import Target


class Nrmse(Metric):
    """Root mean squared error over the standard deviation of the target in the evaluation.

    Takes values [N] or [N, width], averaged over outputs; missing targets do not count.
    Not defined (null) where the target is constant in the evaluation. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [nrmse]}
    ```
    """

    takes: ClassVar[frozenset[str]] = frozenset({"reconstruction", "values"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.figure import Figure
        from declare.nn.metrics.moments import Moments, each_output, root_relative_squared

        return Figure(Moments(), each_output(root_relative_squared))
