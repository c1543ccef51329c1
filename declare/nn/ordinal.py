"""Probabilities of ordered classes. Shapes: N samples, K classes, ... any further axes."""

import torch
from torch import Tensor

_ROUNDING = 1e-12
"""What sums of probabilities in double precision may be off by: a half is no more than a half."""


def exceedance(probability: Tensor) -> Tensor:
    """Return the probability [N, K - 1, ...] of a class above each but the last, from [N, K, ...].

    Sums by themselves: a GPU has no cumulative sum whose bits repeat.
    """
    return torch.stack([probability[:, at:].sum(1) for at in range(1, probability.shape[1])], 1)


def median(probability: Tensor) -> Tensor:
    """Return the class [N, ...] in which the cumulative probability [N, K, ...] passes one half (CORN's rule)."""
    return (exceedance(probability) > 0.5 + _ROUNDING).sum(1)
