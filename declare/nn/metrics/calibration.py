"""Calibration of probabilities. Shapes: N samples, K classes."""

import torch
from torch import Tensor

from declare.nn.metrics.metric import Accumulator
from declare.nn.precision import to_double


class Confidence(Accumulator):
    """Sums [3, bins] by confidence: samples, their confidence, how many are right.

    Takes logits [N, K, ...] and indices [N, ...], -1 where missing.
    """

    def __init__(self, bins: int) -> None:
        super().__init__()
        self.key = ("confidence", bins)
        self._bins = bins

    def sums(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the sums [3, bins] of a batch."""
        confidence, predicted_class = to_double(prediction).softmax(1).max(1)
        target = target.to(predicted_class.device)
        valid = (target >= 0).flatten()
        confidence = confidence.flatten()
        place = (confidence * self._bins).ceil().long().sub(1).clamp(0, self._bins - 1)
        parts = (valid, confidence * valid, (predicted_class == target).flatten() & valid)
        zeros = torch.zeros(self._bins, dtype=confidence.dtype, device=confidence.device)
        return torch.stack([zeros.scatter_add(0, place, part.to(confidence.dtype)) for part in parts])


def expected_error(sums: Tensor) -> Tensor:
    """Return the mean difference between confidence and accuracy, from sums [3, bins]."""
    count, confidence, num_right = sums
    return (confidence - num_right).abs().sum() / count.sum()
