"""`rmse`: the root of the mean squared error."""

from typing import ClassVar

from declare.components.metrics._formulas import ErrorMetric


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
    formula: ClassVar[str] = "root_mean_squared"
    step_formula: ClassVar[str] = "root_mean_steps"
