"""`mae`: the mean absolute error."""

from typing import ClassVar

from declare.components.metrics._formulas import ErrorMetric


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
    formula: ClassVar[str] = "mean_absolute"
    step_formula: ClassVar[str] = "mean_steps"
