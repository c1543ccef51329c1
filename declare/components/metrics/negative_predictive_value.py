"""`negative_predictive_value`: the fraction of negative predictions that are correct."""

from typing import ClassVar

from declare.components.metrics._formulas import AveragedAgreement, Score
from declare.contract.prediction import Prediction


class NegativePredictiveValue(AveragedAgreement):
    """Fraction of the negative predictions for a class or label that are correct, averaged over classes or labels.

    Takes class logits [N, classes] or label logits [N, labels]. Missing labels are ignored. Classes that are
    neither true nor predicted in the evaluation are left out (labels are not), and so are those that are
    always predicted; null if none remain. Source: any textbook.

    ```yaml
    tasks:
      digit: {type: classification, dataset: digits, target: label, metrics: [negative_predictive_value]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("npv",)

    takes: ClassVar[frozenset[Prediction]] = frozenset({"class_logits", "label_logits"})
    unseen_labels: ClassVar[bool] = True

    def formula(self) -> Score:
        """Return the score of each class."""
        from declare.nn.metrics.classification import negative_predictive_value

        return negative_predictive_value
