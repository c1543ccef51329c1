"""`nrmse`: the error in standard deviations of the target."""

from typing import ClassVar, Literal

from declare.components.metrics._formulas import Formula, OutputMomentsMetric
from declare.contract.prediction import Prediction


class Nrmse(OutputMomentsMetric):
    """Root mean squared error over the standard deviation of the target in the evaluation.

    Takes values [N] or [N, width], averaged over outputs; missing targets are ignored. Undefined (null) if
    the target is constant in the evaluation. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [nrmse]}
    ```
    """

    takes: ClassVar[frozenset[Prediction]] = frozenset({"reconstruction", "values"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)
    needs_varied_targets: ClassVar[bool] = True

    def formula(self) -> Formula:
        """Return the metric from the sums."""
        from declare.nn.metrics.regression import root_relative_squared

        return root_relative_squared
