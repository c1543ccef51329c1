"""`precision`: the share of what was predicted that is true."""

from typing import ClassVar

from declare.components.metrics._formulas import AveragedAgreement


class Precision(AveragedAgreement):
    """Share of what was predicted that is true, over classes or labels.

    Takes class logits [N, classes], of pixels too, or label logits [N, labels]. Missing
    labels do not count. Classes that are neither true nor predicted in the evaluation are left out of the
    mean, as in scikit-learn; on an ordinal task the predicted class is the median class. Source: any
    textbook.

    ```yaml
    tasks:
      digit: {type: classification, dataset: digits, target: label, metrics: [precision]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("ppv", "positive_predictive_value")
    formula: ClassVar[str] = "precision"
