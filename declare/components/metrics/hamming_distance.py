"""`hamming_distance`: the fraction of wrong decisions."""

from typing import ClassVar, Literal

from declare.components.metrics._formulas import AveragedAgreement
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction


class HammingDistance(AveragedAgreement):
    """Fraction of wrong decisions: on the samples of each class, or on each label.

    Takes class logits [N, classes] or label logits [N, labels]. Missing labels are ignored. `macro` is the
    mean over the classes that have samples, or over labels; `micro` is 1 - `accuracy`. Source: Hamming 1950.

    ```yaml
    tasks:
      findings: {type: multilabel, dataset: scans, target: findings, metrics: [hamming_distance]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("hamming_loss",)

    takes: ClassVar[frozenset[Prediction]] = frozenset({"class_logits", "label_logits"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    unseen_labels: ClassVar[bool] = True

    def formula_for(self, target: Target) -> str:
        """Return the name of the function for the parameters and a target."""
        return "share_wrong" if target.prediction == "label_logits" else "share_missed"
