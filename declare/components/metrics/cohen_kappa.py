"""`cohen_kappa`: agreement beyond chance."""

from typing import Any, ClassVar, Literal

from declare.contract.kinds.metric import Metric
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction


class CohenKappa(Metric):
    """Cohen's kappa: 1 is perfect, 0 is chance.

    Takes class logits [N, classes]; missing labels do not count. Not defined (null) where all samples are of
    one class and predicted so. Source: Cohen 1960.

    ```yaml
    tasks:
      digit: {type: classification, dataset: digits, target: label, metrics: [cohen_kappa]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("kappa", "cohen_kappa_score")

    takes: ClassVar[frozenset[Prediction]] = frozenset({"class_logits"})
    mode: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float | None, float | None]] = (-1.0, 1.0)

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.classification import Confusion, kappa
        from declare.nn.metrics.metric import Figure

        return Figure(Confusion(len(target.classes or ())), kappa)
