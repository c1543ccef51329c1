"""`mean_absolute_percentage_error`: the mean absolute error relative to the target."""

from typing import ClassVar

from declare.components.metrics._formulas import Cost, ValueErrorMetric


class MeanAbsolutePercentageError(ValueErrorMetric):
    """Mean of |error| / |target|, as a fraction (1 is 100%).

    Takes values [N] or [N, width], over all values; missing targets are ignored. Undefined (null) if a target
    is 0. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [mean_absolute_percentage_error]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("mape",)

    def formula(self) -> Cost:
        """Return the cost of each value."""
        from declare.nn.metrics.regression import relative_error

        return relative_error
