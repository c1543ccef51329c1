"""`auroc`: the area under the receiver operating characteristic."""

from typing import ClassVar

from declare.components.metrics._formulas import Cost, RankingMetric


class Auroc(RankingMetric):
    """Probability that a positive scores above a negative; ties count half.

    Takes class logits [N, classes] (each class against the rest) or label logits [N, labels]; averaged over
    the classes or labels that have both positives and negatives, null if none has. Ranked by log odds, which
    still differ where probabilities round to 1. Source: any textbook.

    ```yaml
    tasks:
      findings: {type: multilabel, dataset: scans, target: findings, metrics: [auroc]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("auc", "roc_auc", "roc_auc_score", "area_under_roc")

    needs_varied_targets: ClassVar[bool] = True

    def formula(self) -> Cost:
        """Return the score of each column."""
        from declare.nn.metrics.ranking import auroc

        return auroc
