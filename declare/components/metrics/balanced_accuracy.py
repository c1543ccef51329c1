"""`balanced_accuracy`: the mean recall of the classes."""

from typing import Any, ClassVar, Literal

from declare.contract.kinds.metric import Metric
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction


class BalancedAccuracy(Metric):
    """Mean recall over the classes that have samples in the evaluation.

    Takes class logits [N, classes]; missing labels do not count. Source: Brodersen et al. 2010.

    ```yaml
    tasks:
      digit: {type: classification, dataset: digits, target: label, metrics: [balanced_accuracy]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("bacc", "balanced_acc", "uar")

    takes: ClassVar[frozenset[Prediction]] = frozenset({"class_logits", "ordinal_logits"})
    mode: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.classification import Confusion, balanced_accuracy
        from declare.nn.metrics.metric import Figure

        ordered = target.prediction == "ordinal_logits"
        return Figure(Confusion(len(target.classes or ()), ordered=ordered), balanced_accuracy)
