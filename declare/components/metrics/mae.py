"""`mae`: the mean absolute error."""

from collections.abc import Callable
from typing import Any, ClassVar

from declare.components.metrics._errors import ErrorMetric


class Mae(ErrorMetric):
    """Mean absolute error.

    Takes values [N] or [N, width] in the target's own units; missing targets do not count.
    On an ordinal task it is counted in class steps from the median class. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [mae]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("mean_absolute_error", "l1")

    def of_values(self) -> Callable[..., Any]:
        """Return the figure of values."""
        from declare.nn.metrics.regression import mean_absolute

        return mean_absolute

    def of_steps(self) -> Callable[..., Any]:
        """Return the figure of steps between classes."""
        from declare.nn.metrics.classification import mean_steps

        return mean_steps
