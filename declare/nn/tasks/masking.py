"""Leaving targets out: what a `valid` field says does not count is marked as missing."""

import math

import torch
from torch import Tensor


def mask_target(target: Tensor, valid: Tensor) -> Tensor:
    """Return `target` with -1 (indices) or NaN (values) where `valid` is false.

    `valid` has the shape of `target`, or that of its first axes: [B] masks whole samples of [B, ...].
    """
    while valid.dim() < target.dim():
        valid = valid.unsqueeze(-1)
    missing = math.nan if target.is_floating_point() else -1
    return torch.where(valid.bool(), target, missing)
