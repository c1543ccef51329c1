"""`auroc`: the area under the receiver operating characteristic."""

from typing import Any, ClassVar, Literal

from declare.contract.kinds.metric import Metric
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction


class Auroc(Metric):
    """Probability that a positive scores above a negative, ties counting half.

    Takes class logits [N, classes] (each class against the rest) or label logits [N, labels];
    averaged over the classes or labels that have both positives and negatives, null where none has. Ranked by log
    odds, which go on where probabilities are 1. Source: any textbook.

    ```yaml
    tasks:
      findings: {type: multilabel, dataset: scans, target: findings, metrics: [auroc]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("auc", "roc_auc", "roc_auc_score", "area_under_roc")

    takes: ClassVar[frozenset[Prediction]] = frozenset({"class_logits", "label_logits", "ordinal_logits"})
    mode: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)
    needs_varied_targets: ClassVar[bool] = True

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.ranking import Ranking, auroc

        return Ranking(auroc)
