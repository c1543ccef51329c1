"""`concordance_corrcoef`: agreement of predicted and true values."""

from typing import ClassVar

from declare.components.metrics._formulas import Formula, OutputMomentsMetric


class ConcordanceCorrcoef(OutputMomentsMetric):
    """Lin's concordance correlation: Pearson's, reduced if means or variances differ; 1 is perfect.

    Takes values [N] or [N, width], averaged over outputs; missing targets are ignored. Moments are divided by
    N. Undefined (null) if all values are equal. Source: Lin 1989.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [concordance_corrcoef]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("ccc",)

    def formula(self) -> Formula:
        """Return the metric from the sums."""
        from declare.nn.metrics.regression import concordance

        return concordance
