"""`symmetric_mean_absolute_percentage_error`: the mean absolute error relative to target and prediction."""

from typing import ClassVar

from declare.components.metrics._formulas import Cost, ValueErrorMetric


class SymmetricMeanAbsolutePercentageError(ValueErrorMetric):
    """Mean of |error| / ((|target| + |prediction|) / 2), as a fraction; 2 at most.

    Takes values [N] or [N, width], over all values; missing targets are ignored. 0 where both are 0. Source:
    Makridakis 1993.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [symmetric_mean_absolute_percentage_error]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("smape",)

    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 2.0)

    def formula(self) -> Cost:
        """Return the cost of each value."""
        from declare.nn.metrics.regression import symmetric_relative_error

        return symmetric_relative_error
