"""`rmse`: the root of the mean squared error."""

from typing import ClassVar

from declare.components.metrics._formulas import ErrorMetric, Formula


class Rmse(ErrorMetric):
    """Root of the mean squared error over all values.

    Takes values [N] or [N, width] in the target's own units; missing targets are ignored. On an ordinal task
    it is in class steps from the median class. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [rmse]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("root_mean_squared_error", "rms")

    def formula(self) -> Formula:
        """Return the metric from the sums."""
        from declare.nn.metrics.regression import root_mean_squared

        return root_mean_squared

    def step_formula(self) -> Formula:
        """Return the metric of ordered classes from their confusion."""
        from declare.nn.metrics.classification import root_mean_steps

        return root_mean_steps
