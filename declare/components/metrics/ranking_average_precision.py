"""`ranking_average_precision`: the precision of labels ranked at or above each true one."""

from typing import ClassVar, Literal

from declare.components.metrics._formulas import Formula, LabelRankingMetric


class RankingAveragePrecision(LabelRankingMetric):
    """Fraction of true labels among those ranked at or above a true label, averaged over true labels and samples.

    Takes label logits [N, labels]; missing labels are not ranked, and samples without a known label are
    ignored. A sample whose labels are all true or all false has 1, as in scikit-learn; null if all samples
    are like this. Source: Tsoumakas et al. 2010.

    ```yaml
    tasks:
      findings: {type: multilabel, dataset: scans, target: findings, metrics: [ranking_average_precision]}
    ```
    """

    mode: ClassVar[Literal["max", "min"]] = "max"

    def formula(self) -> Formula:
        """Return the metric from the sums."""
        from declare.nn.metrics.label_ranking import ranking_precision

        return ranking_precision
