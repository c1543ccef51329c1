"""`r2`: the fraction of variance explained."""

from typing import ClassVar

from declare.components.metrics._formulas import Formula, OutputMomentsMetric
from declare.contract.prediction import Prediction


class R2(OutputMomentsMetric):
    """Fraction of the target's variance that is explained: 1 is perfect, 0 is as good as predicting the mean.

    Takes values [N] or [N, width], averaged over outputs; missing targets are ignored. Undefined (null) if
    the target is constant in the evaluation. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [r2]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = (
        "r2_score",
        "R2Score",
        "RSquared",
        "r_squared",
        "coefficient_of_determination",
    )

    takes: ClassVar[frozenset[Prediction]] = frozenset({"reconstruction", "values"})
    bounds: ClassVar[tuple[float | None, float | None]] = (None, 1.0)
    needs_varied_targets: ClassVar[bool] = True

    def formula(self) -> Formula:
        """Return the metric from the sums."""
        from declare.nn.metrics.regression import r_squared

        return r_squared
