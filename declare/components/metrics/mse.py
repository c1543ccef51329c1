"""`mse`: the mean squared error."""

from typing import ClassVar

from declare.components.metrics._formulas import ErrorMetric, Formula


class Mse(ErrorMetric):
    """Mean squared error.

    Takes values [N] or [N, width] in the target's own units; missing targets are ignored. On an ordinal task
    it is in class steps from the median class. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [mse]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("mean_squared_error",)

    def formula(self) -> Formula:
        """Return the metric from the sums."""
        from declare.nn.metrics.regression import mean_squared

        return mean_squared

    def step_formula(self) -> Formula:
        """Return the metric of ordered classes from their confusion."""
        from declare.nn.metrics.classification import mean_squared_steps

        return mean_squared_steps
