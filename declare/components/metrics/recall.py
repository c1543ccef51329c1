"""`recall`: the share of what is true that was predicted."""

from typing import ClassVar

from declare.components.metrics._formulas import AveragedAgreement


class Recall(AveragedAgreement):
    """Share of what is true that was predicted, over classes or labels.

    Takes class logits [N, classes], of pixels too, or label logits [N, labels]. Missing
    labels do not count. Classes that are neither true nor predicted in the evaluation are left out of the
    mean, as in scikit-learn; on an ordinal task the predicted class is the median class. Source: any
    textbook.

    ```yaml
    tasks:
      digit: {type: classification, dataset: digits, target: label, metrics: [{type: recall, average: macro}]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("sensitivity", "tpr", "true_positive_rate")
    formula: ClassVar[str] = "recall"
