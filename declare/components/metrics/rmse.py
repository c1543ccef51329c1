"""`rmse`: the root of the mean squared error."""

from collections.abc import Callable
from typing import Any, ClassVar

from declare.components.metrics._errors import ErrorMetric


class Rmse(ErrorMetric):
    """Root of the mean squared error over all values.

    Takes values [N] or [N, width] in the target's own units; missing targets do not count.
    On an ordinal task it is counted in class steps from the median class. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [rmse]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("root_mean_squared_error", "rms")

    def of_values(self) -> Callable[..., Any]:
        """Return the figure of values."""
        from declare.nn.metrics.regression import root_mean_squared

        return root_mean_squared

    def of_steps(self) -> Callable[..., Any]:
        """Return the figure of steps between classes."""
        from declare.nn.metrics.classification import root_mean_steps

        return root_mean_steps
