"""`mse`: the mean squared error."""

from collections.abc import Callable
from typing import Any, ClassVar

from declare.components.metrics._errors import ErrorMetric


class Mse(ErrorMetric):
    """Mean squared error.

    Takes values [N] or [N, width] in the target's own units; missing targets do not count.
    On an ordinal task it is counted in class steps from the median class. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [mse]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("mean_squared_error",)

    def of_values(self) -> Callable[..., Any]:
        """Return the figure of values."""
        from declare.nn.metrics.regression import mean_squared

        return mean_squared

    def of_steps(self) -> Callable[..., Any]:
        """Return the figure of steps between classes."""
        from declare.nn.metrics.classification import mean_squared_steps

        return mean_squared_steps
