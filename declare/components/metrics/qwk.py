"""`qwk`: agreement of ordered classes beyond chance."""

from typing import Any, ClassVar, Literal

from declare.contract.kinds.metric import Metric
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction


class Qwk(Metric):
    """Cohen's kappa with quadratic weights: 1 is perfect, 0 is chance.

    Takes class logits [N, classes] of classes that stand in an order; missing labels do not count. Not
    defined (null) where neither truth nor prediction varies. Source: Cohen 1968.

    ```yaml
    tasks:
      pain: {type: ordinal, dataset: lab, target: pain_level, metrics: [qwk]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("quadratic_weighted_kappa", "quadratic_kappa")

    takes: ClassVar[frozenset[Prediction]] = frozenset({"class_logits", "ordinal_logits"})
    mode: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float | None, float | None]] = (-1.0, 1.0)

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.classification import Confusion, quadratic_kappa
        from declare.nn.metrics.metric import Figure

        ordered = target.prediction == "ordinal_logits"
        return Figure(Confusion(len(target.classes or ()), ordered=ordered), quadratic_kappa)
