"""`hinge_loss`: what margins lack."""

from typing import Any, ClassVar, Literal

from pydantic import Field as Param

from declare.contract.kinds.metric import Metric
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction


class HingeLoss(Metric):
    """Mean of what the margins of logits lack of 1.

    Takes class logits [N, classes]; missing labels do not count. The margin is the logit of the true class above the
    highest other one (`crammer-singer`), or each class's logit above or below zero, averaged over classes
    (`one-vs-all`). Source: Crammer and Singer 2001.

    ```yaml
    tasks:
      digit: {type: classification, dataset: digits, target: label, metrics: [hinge_loss]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("hinge",)

    takes: ClassVar[frozenset[Prediction]] = frozenset({"class_logits"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)

    squared: bool = Param(False, description="whether what they lack is squared")
    multiclass_mode: Literal["crammer-singer", "one-vs-all"] = Param(
        "crammer-singer", description="what the margin is"
    )

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.classification import Margins, share
        from declare.nn.metrics.metric import Figure

        return Figure(Margins(squared=self.squared, one_vs_all=self.multiclass_mode == "one-vs-all"), share)
