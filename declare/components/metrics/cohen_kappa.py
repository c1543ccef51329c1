"""`cohen_kappa`: agreement beyond chance."""

from typing import ClassVar

from declare.components.metrics._formulas import ConfusionMetric, Formula
from declare.contract.prediction import Prediction


class CohenKappa(ConfusionMetric):
    """Cohen's kappa: 1 is perfect, 0 is chance.

    Takes class logits [N, classes]; missing labels are ignored. Undefined (null) if all samples have one
    class and are predicted as it. Source: Cohen 1960.

    ```yaml
    tasks:
      digit: {type: classification, dataset: digits, target: label, metrics: [cohen_kappa]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("kappa", "cohen_kappa_score")

    takes: ClassVar[frozenset[Prediction]] = frozenset({"class_logits"})
    bounds: ClassVar[tuple[float | None, float | None]] = (-1.0, 1.0)

    def formula(self) -> Formula:
        """Return the metric from the sums."""
        from declare.nn.metrics.classification import kappa

        return kappa
