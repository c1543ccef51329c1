"""`coverage_error`: how far down the true labels reach."""

from typing import ClassVar

from declare.components.metrics._formulas import LabelRankingMetric


class CoverageError(LabelRankingMetric):
    """Number of labels that one goes down from the highest to find all true ones, on average over samples.

    Takes label logits [N, labels]; a missing label is not ranked, and a sample without a known label does not
    count. A sample without a true label has 0, as in scikit-learn; null where no sample has one. Source:
    Tsoumakas et al. 2010.

    ```yaml
    tasks:
      findings: {type: multilabel, dataset: scans, target: findings, metrics: [coverage_error]}
    ```
    """

    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)
    formula: ClassVar[str] = "coverage"
