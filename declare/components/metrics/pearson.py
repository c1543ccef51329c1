"""`pearson`: the correlation of predicted and true values."""

from typing import ClassVar

from declare.components.metrics._formulas import Formula, OutputMomentsMetric


class Pearson(OutputMomentsMetric):
    """Pearson's correlation of predicted and true values.

    Takes values [N] or [N, width], averaged over outputs; missing targets are ignored. Undefined (null) if
    predictions or targets are constant. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [pearson]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = (
        "pearsonr",
        "pearson_r",
        "PearsonCorrCoef",
        "pcc",
        "corr",
        "correlation_coefficient",
    )
    needs_varied_targets: ClassVar[bool] = True
    constant_value: ClassVar[float | None] = 0.0

    def formula(self) -> Formula:
        """Return the metric from the sums."""
        from declare.nn.metrics.regression import correlation

        return correlation
