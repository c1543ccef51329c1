"""`mean_absolute_percentage_error`: the mean error as a share of the target."""

from typing import ClassVar

from declare.components.metrics._formulas import ValueErrorMetric


class MeanAbsolutePercentageError(ValueErrorMetric):
    """Mean of the absolute error over the size of the target, as a share (1 is 100%).

    Takes values [N] or [N, width], over all values; missing targets do not count. Not defined (null) where a
    target is 0. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [mean_absolute_percentage_error]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("mape",)
    formula: ClassVar[str] = "relative_error"
