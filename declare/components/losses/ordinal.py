"""`ordinal`: the negative log likelihood of ordered classes."""

from typing import ClassVar

from declare.components.losses._class_weights import ClassWeightedLoss
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction
from declare.contract.shapes import Dim
from declare.contract.torch_types import SummedLoss


class Ordinal(ClassWeightedLoss):
    """Negative log likelihood of the true class under conditional probabilities.

    Takes logits [B, classes - 1] (the sigmoid of logit k is the probability of passing class k, given that
    all classes before were passed) and class indices [B], -1 if missing. Each sample contributes to the steps
    that it reaches. Source: CORN, Shi, Cao and Raschka 2021, https://arxiv.org/abs/2111.08851. It is divided
    by the number of samples, the paper divides by the number of steps; so it is the likelihood itself.

    ```yaml
    tasks:
      pain: {type: ordinal, dataset: lab, target: pain_level, loss: {type: ordinal, class_weights: balanced}}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("coral", "corn")

    takes: ClassVar[frozenset[Prediction]] = frozenset({"ordinal_logits"})

    def target_dims(self, target: Target) -> tuple[Dim, ...]:
        """Return that the target of a sample is one index."""
        return ()

    def mixed_dims(self, target: Target) -> tuple[Dim, ...]:
        """Return that a mixed target has a probability for each class: one more than the steps between classes."""
        return (len(target.classes or ()),)

    def build(self, target: Target) -> SummedLoss:
        """Return the loss as a torch module."""
        from declare.nn.losses.ordinal import Ordinal as Real

        num_classes = (target.output.features or 0) + 1
        return Real(num_classes, class_weights=self.class_weights(target), may_miss=target.may_miss)
