"""`average_precision`: the precision averaged over recall."""

from typing import Any, ClassVar, Literal

from declare.contract.kinds.metric import Metric
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction


class AveragePrecision(Metric):
    """Precision averaged over recall, in steps without interpolation, as in scikit-learn.

    Takes class logits [N, classes] (each class against the rest) or label logits [N, labels]; averaged over the
    classes or labels that have positives, null where none has. Ranked by log odds, which go on where
    probabilities are 1. Source: any textbook.

    ```yaml
    tasks:
      findings: {type: multilabel, dataset: scans, target: findings, metrics: [average_precision]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("pr_auc", "auprc", "ap", "map", "aucpr")

    takes: ClassVar[frozenset[Prediction]] = frozenset({"class_logits", "label_logits", "ordinal_logits"})
    mode: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.ranking import Ranking, average_precision

        return Ranking(average_precision)
