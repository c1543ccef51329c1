"""`coverage_error`: how many top-ranked labels are needed to include all true ones."""

from typing import ClassVar

from declare.components.metrics._formulas import Formula, LabelRankingMetric


class CoverageError(LabelRankingMetric):
    """Number of top-ranked labels that are needed to include all true labels, averaged over samples.

    Takes label logits [N, labels]; missing labels are not ranked, and samples without a known label are
    ignored. A sample without a true label has 0, as in scikit-learn; null if no sample has one. Source:
    Tsoumakas et al. 2010.

    ```yaml
    tasks:
      findings: {type: multilabel, dataset: scans, target: findings, metrics: [coverage_error]}
    ```
    """

    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)

    def formula(self) -> Formula:
        """Return the metric from the sums."""
        from declare.nn.metrics.label_ranking import coverage

        return coverage
