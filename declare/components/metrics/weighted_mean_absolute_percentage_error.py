"""`weighted_mean_absolute_percentage_error`: the sum of errors relative to the sum of targets."""

from typing import ClassVar

from declare.components.metrics._formulas import Cost, ValueErrorMetric


class WeightedMeanAbsolutePercentageError(ValueErrorMetric):
    """Sum of |error| divided by the sum of |target|, as a fraction.

    Takes values [N] or [N, width], over all values; missing targets are ignored. Undefined (null) if all
    targets are 0. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [weighted_mean_absolute_percentage_error]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("wmape", "wape")

    def formula(self) -> Cost:
        """Return the cost of each value."""
        from declare.nn.metrics.regression import absolute_error

        return absolute_error

    def weight(self) -> Cost:
        """Return the weight of a value."""
        from declare.nn.metrics.regression import target_size

        return target_size
