"""`mse`: the mean squared error."""

from typing import ClassVar

from declare.components.metrics._formulas import ErrorMetric


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
    formula: ClassVar[str] = "mean_squared"
    step_formula: ClassVar[str] = "mean_squared_steps"
