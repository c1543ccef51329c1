"""Overlap of predicted and true regions. Shapes: B batch, K classes, H height, W width."""

import torch
from torch import Tensor
from torch.nn import functional

from declare.nn.losses.shapes import require_classes
from declare.nn.losses.summed_loss import SummedLoss
from declare.nn.precision import at_least_single


class Dice(SummedLoss):
    """Sum over images of 1 - the mean soft Dice overlap of the classes, with the number of labelled images.

    Takes logits [B, K, H, W] (softmax is applied here) and indices [B, H, W], -1 where nothing is labelled,
    or class probabilities [B, K, H, W]. A class that an image does not hold counts as found if hardly
    anything is predicted (`smooth`). Source: Milletari et al. 2016, https://arxiv.org/abs/1606.04797.
    """

    def __init__(self, *, smooth: float = 1.0) -> None:
        super().__init__()
        self._smooth = smooth

    def forward(self, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return (sum, weight), scalars."""
        require_classes(logits, target)
        valid = self._valid(target)
        truth = target
        if not target.is_floating_point():
            truth = functional.one_hot(target.clamp_min(0), logits.shape[1]).movedim(-1, 1).to(torch.float32)
        valid_column = valid.unsqueeze(1).to(torch.float32)
        probability = at_least_single(logits).softmax(1) * valid_column
        truth = truth * valid_column
        both = (probability * truth).flatten(2).sum(2)
        sizes = probability.flatten(2).sum(2) + truth.flatten(2).sum(2)
        overlap = ((2 * both + self._smooth) / (sizes + self._smooth)).mean(1)
        labelled = valid.flatten(1).any(1)
        return ((1 - overlap) * labelled).sum(), labelled.sum()

    def count(self, target: Tensor) -> Tensor:
        """Return the number of images with a labelled pixel, a scalar."""
        return self._valid(target).flatten(1).any(1).sum()

    def _valid(self, target: Tensor) -> Tensor:
        return target.sum(1) > 0 if target.is_floating_point() else target >= 0
