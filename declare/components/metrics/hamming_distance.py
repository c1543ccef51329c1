"""`hamming_distance`: the fraction of wrong decisions."""

from typing import ClassVar, Literal

from declare.components.metrics._formulas import AveragedAgreement, Score
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

    def formula(self) -> Score:
        """Return the score of each class."""
        from declare.nn.metrics.classification import share_missed

        return share_missed

    def label_formula(self) -> Score:
        """Return the score of each label."""
        from declare.nn.metrics.classification import share_wrong

        return share_wrong
