"""`mae`: the mean absolute error."""

from typing import ClassVar

from declare.components.metrics._formulas import ErrorMetric, Formula


class Mae(ErrorMetric):
    """Mean absolute error.

    Takes values [N] or [N, width] in the target's own units; missing targets are ignored. On an ordinal task
    it is in class steps from the median class. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [mae]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("mean_absolute_error", "l1")

    def formula(self) -> Formula:
        """Return the metric from the sums."""
        from declare.nn.metrics.regression import mean_absolute

        return mean_absolute

    def step_formula(self) -> Formula:
        """Return the metric of ordered classes from their confusion."""
        from declare.nn.metrics.classification import mean_steps

        return mean_steps
