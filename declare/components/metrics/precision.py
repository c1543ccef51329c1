"""`precision`: the fraction of positive predictions that are correct."""

from typing import ClassVar

from declare.components.metrics._formulas import AveragedAgreement, Score


class Precision(AveragedAgreement):
    """Fraction of the predictions of a class or label that are correct, averaged over classes or labels.

    Takes class logits [N, classes] (also of pixels) or label logits [N, labels]. Missing labels are ignored.
    Classes that are neither true nor predicted in the evaluation are left out of the mean, as in
    scikit-learn; on an ordinal task the predicted class is the median class. Source: any textbook.

    ```yaml
    tasks:
      digit: {type: classification, dataset: digits, target: label, metrics: [precision]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("ppv", "positive_predictive_value")

    def formula(self) -> Score:
        """Return the score of each class."""
        from declare.nn.metrics.classification import precision

        return precision
