"""A class for each pixel. Shapes: B batch, K classes, H height, W width."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from declare.nn.tasks.masking import MaskedTarget, mask_target
from declare.nn.tasks.prior import class_logits, constant


class Segmentation(MaskedTarget):
    """Takes logits [B, K, H, W] and class indices [B, H, W], -1 where not labelled.

    Softmax is applied for predictions, never for the loss.
    """

    def __init__(self, *, target: str, mask: str | None = None, counts: Sequence[int] | None = None) -> None:
        super().__init__(target, mask)
        self._prior = class_logits(counts)

    def target(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return class indices [B, H, W], -1 where the loss leaves them out."""
        target = batch[self._target]
        if not target.is_floating_point() and target.dtype != torch.int64:
            target = target.long()
        return target if self._mask is None else mask_target(target, batch[self._mask])

    def scores(self, output: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return logits [B, K, H, W] and indices [B, H, W], -1 where not labelled."""
        return output, self.target(batch)

    def predict(self, output: Tensor) -> dict[str, Tensor]:
        """Return `class` [B, H, W] and its probability [B, H, W]."""
        best = output.argmax(1)
        probability = output.float().softmax(1).gather(1, best.unsqueeze(1)).squeeze(1)
        return {"class": best, "probability": probability}

    def baseline_prediction(
        self, output: Tensor, batch: Mapping[str, Tensor], generator: torch.Generator
    ) -> Tensor | None:
        """Return the log frequency of each class over the pixels of the training split [B, K, H, W]."""
        return constant(self._prior, output, 1)
