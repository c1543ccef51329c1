"""`nrmse`: the error in standard deviations of the target."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from declare.components.metrics._output_moments import OutputMomentsMetric
from declare.contract.prediction import Prediction


class Nrmse(OutputMomentsMetric):
    """Root mean squared error over the standard deviation of the target in the evaluation.

    Takes values [N] or [N, width], averaged over outputs; missing targets do not count.
    Not defined (null) where the target is constant in the evaluation. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [nrmse]}
    ```
    """

    takes: ClassVar[frozenset[Prediction]] = frozenset({"reconstruction", "values"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)
    needs_varied_targets: ClassVar[bool] = True

    def figure(self) -> Callable[..., Any]:
        """Return the figure of an output."""
        from declare.nn.metrics.regression import root_relative_squared

        return root_relative_squared
