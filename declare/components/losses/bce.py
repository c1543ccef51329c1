"""`bce`: binary cross entropy of independent labels."""

import math
from collections.abc import Iterable
from typing import Annotated, ClassVar

from pydantic import Field as Param

from declare.components.losses._class_weights import check_weights
from declare.contract.kinds.loss import Loss
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction
from declare.contract.problem import Problem
from declare.contract.torch_types import SummedLoss


class Bce(Loss):
    """Binary cross entropy, averaged over all known labels.

    Takes logits [B, labels] (the sigmoid is applied here) and labels [B, labels], 0 or 1; NaN is ignored.
    `pos_weight` multiplies the loss of positive labels: above 1 it raises recall. Source: any textbook.

    ```yaml
    tasks:
      findings: {type: multilabel, dataset: scans, target: findings, loss: {type: bce, pos_weight: 3.0}}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = (
        "BCEWithLogitsLoss",
        "BCELoss",
        "binary_crossentropy",
        "binary_cross_entropy",
        "bce_with_logits",
    )

    takes: ClassVar[frozenset[Prediction]] = frozenset({"label_logits"})

    pos_weight: (
        Annotated[float, Param(gt=0, le=1e6)]
        | Annotated[list[Annotated[float, Param(ge=0, le=1e6)]], Param(min_length=1)]
        | None
    ) = Param(None, description="weight of positive labels: one number, or one for each label")

    def check_target(self, target: Target) -> Iterable[Problem]:
        """Yield a problem if there is not one weight for each label."""
        return (
            check_weights(self.pos_weight, target, "pos_weight") if isinstance(self.pos_weight, list) else ()
        )

    def weigh(self, target: Target) -> Target:
        """Return the target with the rates at which weighted positives occur."""
        rates = target.rates
        if self.pos_weight is None or rates is None:
            return target
        weights = self.pos_weight if isinstance(self.pos_weight, list) else [self.pos_weight] * len(rates)
        pairs = zip(rates, weights, strict=True)
        weighted = (rate * weight / (rate * weight + 1 - rate or 1) for rate, weight in pairs)
        return target.model_copy(update={"rates": tuple(weighted)})

    def untrained_loss(self, target: Target) -> float | None:
        """Return the loss at probability 0.5; None if positive labels are weighted."""
        return None if self.pos_weight is not None else math.log(2)

    def build(self, target: Target) -> SummedLoss:
        """Return the loss as a torch module."""
        from declare.nn.losses.binary import BinaryCrossEntropy

        weights = [self.pos_weight] if isinstance(self.pos_weight, float | int) else self.pos_weight
        return BinaryCrossEntropy(pos_weight=weights, may_miss=target.may_miss)
