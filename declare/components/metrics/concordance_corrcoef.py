"""`concordance_corrcoef`: agreement of predicted and true values."""

from typing import ClassVar

from declare.components.metrics._formulas import OutputMomentsMetric


class ConcordanceCorrcoef(OutputMomentsMetric):
    """Lin's concordance: the correlation, less where means or spreads differ; 1 is perfect.

    Takes values [N] or [N, width], averaged over outputs; missing targets do not count. Moments are divided by N. Not
    defined (null) where all values are the same. Source: Lin 1989.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [concordance_corrcoef]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("ccc",)
    formula: ClassVar[str] = "concordance"
