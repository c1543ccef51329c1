"""`ranking_loss`: the share of pairs of labels in the wrong order."""

from typing import ClassVar

from declare.components.metrics._formulas import LabelRankingMetric


class RankingLoss(LabelRankingMetric):
    """Share of pairs of a true and a false label that do not stand in that order, ties included, over samples.

    Takes label logits [N, labels]; a missing label is not ranked, and a sample without a known label does not
    count. A sample all of whose labels are true, or none, has 0, as in scikit-learn; null where every sample is
    such a one. Source: Tsoumakas et al. 2010.

    ```yaml
    tasks:
      findings: {type: multilabel, dataset: scans, target: findings, metrics: [ranking_loss]}
    ```
    """

    formula: ClassVar[str] = "ranking_loss"
