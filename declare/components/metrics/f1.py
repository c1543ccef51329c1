"""`f1`: the harmonic mean of precision and recall."""

from typing import ClassVar

from declare.components.metrics._formulas import AveragedAgreement, Score


class F1(AveragedAgreement):
    """Harmonic mean of precision and recall, over classes or labels.

    Takes class logits [N, classes] (also of pixels) or label logits [N, labels]. Missing labels are ignored.
    Classes that are neither true nor predicted in the evaluation are left out of the mean, as in
    scikit-learn; on an ordinal task the predicted class is the median class. Source: any textbook.

    ```yaml
    tasks:
      digit: {type: classification, dataset: digits, target: label, metrics: [{type: f1, average: macro}]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = (
        "f1_score",
        "F1Score",
        "f1_macro",
        "f1_micro",
        "f1_weighted",
        "fscore",
        "fbeta",
    )

    def formula(self) -> Score:
        """Return the score of each class."""
        from declare.nn.metrics.classification import f1

        return f1
