"""`weighted_mean_absolute_percentage_error`: all errors as a share of all targets."""

from typing import ClassVar

from declare.components.metrics._formulas import ValueErrorMetric


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
    formula: ClassVar[str] = "absolute_error"
    weight: ClassVar[str | None] = "target_size"
