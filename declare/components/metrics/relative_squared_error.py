"""`relative_squared_error`: the squared error over that of the mean."""

from typing import ClassVar, Literal

from pydantic import Field as Param

from declare.components.metrics._formulas import Formula, OutputMomentsMetric


class RelativeSquaredError(OutputMomentsMetric):
    """Squared error divided by that of predicting the mean: 1 - `r2`, or its root with `squared: false`.

    Takes values [N] or [N, width], averaged over outputs; missing targets are ignored. Undefined (null) if
    the target is constant in the evaluation. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [relative_squared_error]}
    ```
    """

    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)
    needs_varied_targets: ClassVar[bool] = True

    squared: bool = Param(True, description="`false` gives the square root")

    def formula(self) -> Formula:
        """Return the metric from the sums."""
        from declare.nn.metrics.regression import relative_squared, root_relative_squared

        return relative_squared if self.squared else root_relative_squared
