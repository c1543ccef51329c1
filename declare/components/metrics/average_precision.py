"""`average_precision`: the precision averaged over recall."""

from typing import ClassVar

from declare.components.metrics._formulas import Cost, RankingMetric


class AveragePrecision(RankingMetric):
    """Precision averaged over recall, in steps without interpolation, as in scikit-learn.

    Takes class logits [N, classes] (each class against the rest) or label logits [N, labels]; averaged over
    the classes or labels that have positives, null if none has. Ranked by log odds, which still differ where
    probabilities round to 1. Source: any textbook.

    ```yaml
    tasks:
      findings: {type: multilabel, dataset: scans, target: findings, metrics: [average_precision]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("pr_auc", "auprc", "ap", "map", "aucpr")

    def formula(self) -> Cost:
        """Return the score of each column."""
        from declare.nn.metrics.ranking import average_precision

        return average_precision
