"""`balanced_accuracy`: the mean recall of the classes."""

from typing import ClassVar

from declare.components.metrics._formulas import ConfusionMetric, Formula


class BalancedAccuracy(ConfusionMetric):
    """Mean recall over the classes that have samples in the evaluation.

    Takes class logits [N, classes]; missing labels are ignored. Source: Brodersen et al. 2010.

    ```yaml
    tasks:
      digit: {type: classification, dataset: digits, target: label, metrics: [balanced_accuracy]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("bacc", "balanced_acc", "uar")

    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)

    def formula(self) -> Formula:
        """Return the metric from the sums."""
        from declare.nn.metrics.classification import balanced_accuracy

        return balanced_accuracy
