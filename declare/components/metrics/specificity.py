"""`specificity`: the share of what is not true that was not predicted."""

from typing import ClassVar

from declare.components.metrics._formulas import AveragedAgreement
from declare.contract.prediction import Prediction


class Specificity(AveragedAgreement):
    """Share of what is not of a class that was not predicted as it, over classes or labels.

    Takes class logits [N, classes] or label logits [N, labels]. Missing labels do not count. Classes that are
    neither true nor predicted in the evaluation are left out (labels are not), and so is what leaves nothing to
    rule out; null where that leaves none. Source: any textbook.

    ```yaml
    tasks:
      digit: {type: classification, dataset: digits, target: label, metrics: [specificity]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("tnr", "true_negative_rate")

    takes: ClassVar[frozenset[Prediction]] = frozenset({"class_logits", "label_logits"})
    unseen_labels: ClassVar[bool] = True
    formula: ClassVar[str] = "specificity"
