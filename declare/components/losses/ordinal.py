"""`ordinal`: the negative log likelihood of ordered classes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field as Param

from declare.components.losses._weights import check_weights, class_weights
from declare.contract.kinds.loss import Loss
from declare.contract.prediction import Prediction
from declare.contract.problem import Problem
from declare.contract.shapes import Dim

if TYPE_CHECKING:
    from torch import nn

    from declare.contract.kinds.task import Target


class Ordinal(Loss):
    """Negative log likelihood of the true class under conditional probabilities.

    Takes logits [B, classes - 1] (the sigmoid of logit k is the probability to pass class k, given that all
    before were passed) and class indices [B], -1 where missing. Each sample takes part in the steps that it
    reaches. Source: CORN, Shi, Cao and Raschka 2021, https://arxiv.org/abs/2111.08851; divided by the
    number of samples, where the paper divides by the number of steps, so that it is the likelihood itself.

    ```yaml
    tasks:
      pain: {type: ordinal, dataset: lab, target: pain_level, loss: {type: ordinal, class_weights: balanced}}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("coral", "corn")

    takes: ClassVar[frozenset[Prediction]] = frozenset({"ordinal_logits"})

    class_weights_: Literal["balanced", "effective"] | list[Annotated[float, Param(ge=0, le=1e6)]] | None = (
        Param(
            None,
            alias="class_weights",
            description="`balanced` (inverse to the training counts), `effective` (flatter), or one per class",
        )
    )

    @property
    def weighs_classes(self) -> bool:
        """Whether its class weights come from the counts of the training split."""
        return isinstance(self.class_weights_, str)

    def class_weights(self, target: Target) -> tuple[float, ...] | None:
        """Return the weight of each class, None where all count the same."""
        return class_weights(self.class_weights_, target)

    def check_target(self, target: Target) -> Iterable[Problem]:
        """Yield where the stated weights are not one for each class."""
        return check_weights(self.class_weights_, target)

    def target_dims(self, target: Target) -> tuple[Dim, ...]:
        """Return that there is an index for each sample."""
        return ()

    def mixed_dims(self, target: Target) -> tuple[Dim, ...]:
        """Return that there is a share for each class: one more than steps between them."""
        return (len(target.classes or ()),)

    def build(self, target: Target) -> nn.Module:
        """Return the real loss."""
        from declare.nn.losses.ordinal import Ordinal as Real

        num_classes = (target.output.features or 0) + 1
        return Real(num_classes, class_weights=self.class_weights(target), may_miss=target.may_miss)
