"""`dice`: one minus the Dice overlap of predicted and true regions."""

from typing import ClassVar

from pydantic import Field as Param

from declare.components.losses._indices import index_dims
from declare.contract.kinds.loss import Loss
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction
from declare.contract.shapes import Dim
from declare.contract.torch_types import SummedLoss


class Dice(Loss):
    """One minus the soft Dice overlap, averaged over classes and then over images.

    Takes logits [B, classes, height, width] (softmax is applied here) and class indices [B, height, width],
    -1 where not labelled. Small regions count as much as large ones; often combined with `cross_entropy`.
    Source: Milletari et al. 2016, https://arxiv.org/abs/1606.04797.

    ```yaml
    tasks:
      organs: {type: segmentation, dataset: scans, target: mask, loss: [cross_entropy, {type: dice, weight:
      0.5}]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("DiceLoss", "dice_loss", "soft_dice")

    takes: ClassVar[frozenset[Prediction]] = frozenset({"pixel_logits"})

    smooth: float = Param(
        1.0, gt=0, le=1e9, description="pixels added to overlap and sizes, so that empty regions are defined"
    )

    def target_dims(self, target: Target) -> tuple[Dim, ...]:
        """Return the sizes of the class indices: those of the logits without the class axis."""
        return index_dims(target.output)

    def build(self, target: Target) -> SummedLoss:
        """Return the loss as a torch module."""
        from declare.nn.losses.dice import Dice as Real

        return Real(smooth=self.smooth)
