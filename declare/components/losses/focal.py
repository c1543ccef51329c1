"""`focal`: cross entropy with a higher weight for hard samples."""

from typing import ClassVar

from pydantic import Field as Param

from declare.components.losses._indices import index_dims
from declare.components.losses._weights import ClassWeightedLoss
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction
from declare.contract.shapes import Dim
from declare.contract.torch_types import SummedLoss


class Focal(ClassWeightedLoss):
    """Cross entropy times (1 - p)^gamma, where p is the predicted probability of the true class.

    Takes logits of classes [B, classes], of labels [B, labels] or of pixels [B, classes, height, width]
    (softmax or sigmoid is applied here); -1 and NaN are ignored. `gamma: 0` is the plain cross entropy.
    Source: Lin et al. 2017, https://arxiv.org/abs/1708.02002.

    ```yaml
    tasks:
      digit: {type: classification, dataset: digits, target: label, loss: {type: focal, gamma: 2.0}}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("FocalLoss", "focal_loss")

    takes: ClassVar[frozenset[Prediction]] = frozenset({"class_logits", "label_logits", "pixel_logits"})

    gamma: float = Param(
        2.0, ge=0, le=100, description="exponent: higher values reduce the weight of easy samples"
    )

    def target_dims(self, target: Target) -> tuple[Dim, ...]:
        """Return the sizes of the labels, or of class indices: those of the logits without the class axis."""
        return target.output.dims if target.prediction == "label_logits" else index_dims(target.output)

    def build(self, target: Target) -> SummedLoss:
        """Return the loss as a torch module."""
        weights = self.class_weights(target)
        if target.prediction == "label_logits":
            from declare.nn.losses.binary import BinaryCrossEntropy

            return BinaryCrossEntropy(pos_weight=weights, gamma=self.gamma, may_miss=target.may_miss)
        from declare.nn.losses.focal import Focal as Real
        from declare.nn.losses.per_step import per_step

        real = Real(gamma=self.gamma, class_weights=weights, may_miss=target.may_miss)
        return per_step(real) if target.output.layout == "sequence" else real
