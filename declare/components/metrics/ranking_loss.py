"""`ranking_loss`: the fraction of label pairs in the wrong order."""

from declare.components.metrics._formulas import Formula, LabelRankingMetric


class RankingLoss(LabelRankingMetric):
    """Fraction of pairs of a true and a false label that are in the wrong order or tied, averaged over samples.

    Takes label logits [N, labels]; missing labels are not ranked, and samples without a known label are
    ignored. A sample whose labels are all true or all false has 0, as in scikit-learn; null if all samples
    are like this. Source: Tsoumakas et al. 2010.

    ```yaml
    tasks:
      findings: {type: multilabel, dataset: scans, target: findings, metrics: [ranking_loss]}
    ```
    """

    def formula(self) -> Formula:
        """Return the metric from the sums."""
        from declare.nn.metrics.label_ranking import ranking_loss

        return ranking_loss
