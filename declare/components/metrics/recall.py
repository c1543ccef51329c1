"""`recall`: the fraction of true samples that are predicted as such."""

from typing import ClassVar

from declare.components.metrics._formulas import AveragedAgreement, Score


class Recall(AveragedAgreement):
    """Fraction of the samples of a class or label that are predicted as such, averaged over classes or labels.

    Takes class logits [N, classes] (also of pixels) or label logits [N, labels]. Missing labels are ignored.
    Classes that are neither true nor predicted in the evaluation are left out of the mean, as in
    scikit-learn; on an ordinal task the predicted class is the median class. Source: any textbook.

    ```yaml
    tasks:
      digit: {type: classification, dataset: digits, target: label, metrics: [{type: recall, average: macro}]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("sensitivity", "tpr", "true_positive_rate")

    def formula(self) -> Score:
        """Return the score of each class."""
        from declare.nn.metrics.classification import recall

        return recall
