"""`relative_squared_error`: the squared error over that of the mean."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field as Param

from declare.contract.metric import Metric
from declare.contract.task import Target


class RelativeSquaredError(Metric):
    """Squared error over that of the target's mean: 1 - `r2`, or its root with `squared: false`.

    Takes values [N] or [N, width], averaged over outputs; missing targets do not count. Not defined (null) where the
    target is constant in the evaluation. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [relative_squared_error]}
    ```
    """

    takes: ClassVar[frozenset[str]] = frozenset({"values"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)

    squared: bool = Param(True, description="whether the root is left out")

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.figure import Figure
        from declare.nn.metrics.moments import Moments, each_output, relative_squared, root_relative_squared

        return Figure(Moments(), each_output(relative_squared if self.squared else root_relative_squared))
