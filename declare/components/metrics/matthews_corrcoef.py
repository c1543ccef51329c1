"""`matthews_corrcoef`: the correlation of predicted and true classes."""

from typing import Any, ClassVar, Literal

from declare.contract.kinds.metric import Metric
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction


class MatthewsCorrcoef(Metric):
    """Matthews' correlation of predicted and true classes: 1 is perfect, 0 is chance.

    Takes class logits [N, classes], or label logits [N, labels], whose decisions are pooled. Missing labels
    are ignored. Undefined (null) if truth or prediction is constant. Source: Gorodkin 2004.

    ```yaml
    tasks:
      digit: {type: classification, dataset: digits, target: label, metrics: [matthews_corrcoef]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("mcc", "phi_coefficient")

    takes: ClassVar[frozenset[Prediction]] = frozenset({"class_logits", "label_logits"})
    mode: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float | None, float | None]] = (-1.0, 1.0)
    needs_varied_targets: ClassVar[bool] = True
    constant_value: ClassVar[float | None] = 0.0

    def build(self, target: Target) -> Any:
        """Return the torch module."""
        from declare.nn.metrics.classification import Confusion, LabelCounts, label_matthews, matthews
        from declare.nn.metrics.metric import AccumulatedMetric

        if target.prediction == "label_logits":
            return AccumulatedMetric(LabelCounts(target.classes or ()), label_matthews)
        return AccumulatedMetric(Confusion(target.classes or ()), matthews)
