"""`weighted_mean_absolute_percentage_error`: all errors as a share of all targets."""

from collections.abc import Callable
from typing import Any, ClassVar

from declare.components.metrics._value_errors import ValueErrorMetric


class WeightedMeanAbsolutePercentageError(ValueErrorMetric):
    """Sum of absolute errors over the sum of the sizes of targets, as a share.

    Takes values [N] or [N, width], over all values; missing targets do not count. Not defined (null) where all
    targets are 0. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [weighted_mean_absolute_percentage_error]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("wmape", "wape")

    def costs(self) -> tuple[Callable[..., Any], ...]:
        """Return the cost of a value and its weight."""
        from declare.nn.metrics.regression import absolute_error, target_size

        return absolute_error, target_size
