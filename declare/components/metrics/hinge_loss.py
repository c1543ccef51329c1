"""`hinge_loss`: by how much margins fall short of 1."""

from typing import Any, ClassVar, Literal

from pydantic import Field as Param

from declare.contract.kinds.metric import Metric
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction


class HingeLoss(Metric):
    """Mean amount by which the margins of logits fall short of 1.

    Takes class logits [N, classes]; missing labels are ignored. The margin is the logit of the true class
    minus the highest other logit (`crammer-singer`), or each class's logit with the sign of its truth,
    averaged over classes (`one-vs-all`). Source: Crammer and Singer 2001.

    ```yaml
    tasks:
      digit: {type: classification, dataset: digits, target: label, metrics: [hinge_loss]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("hinge",)

    takes: ClassVar[frozenset[Prediction]] = frozenset({"class_logits"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)

    squared: bool = Param(False, description="whether the shortfall is squared")
    multiclass_mode: Literal["crammer-singer", "one-vs-all"] = Param(
        "crammer-singer", description="definition of the margin"
    )

    def build(self, target: Target) -> Any:
        """Return the torch module."""
        from declare.nn.metrics.classification import Margins, share
        from declare.nn.metrics.metric import AccumulatedMetric

        return AccumulatedMetric(
            Margins(squared=self.squared, one_vs_all=self.multiclass_mode == "one-vs-all"), share
        )
