"""`mean_squared_log_error`: the mean squared error of logarithms."""

from typing import ClassVar

from declare.components.metrics._formulas import Cost, ValueErrorMetric


class MeanSquaredLogError(ValueErrorMetric):
    """Mean of the squared difference of log(1 + value).

    Takes values [N] or [N, width], over all values; missing targets are ignored. Undefined (null) if a value
    or a prediction is -1 or below. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [mean_squared_log_error]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("msle", "mean_squared_logarithmic_error")

    def formula(self) -> Cost:
        """Return the cost of each value."""
        from declare.nn.metrics.regression import squared_log_error

        return squared_log_error
