"""`specificity`: the fraction of negatives that are predicted as such."""

from typing import ClassVar

from declare.components.metrics._formulas import AveragedAgreement, Score
from declare.contract.prediction import Prediction


class Specificity(AveragedAgreement):
    """Fraction of the samples outside a class or label that are not predicted as it, averaged over classes or labels.

    Takes class logits [N, classes] or label logits [N, labels]. Missing labels are ignored. Classes that are
    neither true nor predicted in the evaluation are left out (labels are not), and so are classes that all
    samples have; null if none remain. Source: any textbook.

    ```yaml
    tasks:
      digit: {type: classification, dataset: digits, target: label, metrics: [specificity]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("tnr", "true_negative_rate")

    takes: ClassVar[frozenset[Prediction]] = frozenset({"class_logits", "label_logits"})
    unseen_labels: ClassVar[bool] = True

    def formula(self) -> Score:
        """Return the score of each class."""
        from declare.nn.metrics.classification import specificity

        return specificity
