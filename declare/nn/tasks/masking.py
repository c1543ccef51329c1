"""Masking of targets: those that a `valid` field excludes are marked as missing."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn


class MaskedTarget:
    """The target of a task: the field `target` of a batch, without what the field `mask` leaves out."""

    module: nn.Module | None = None

    def __init__(self, target: str, mask: str | None) -> None:
        self._target = target
        self._mask = mask

    def target(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the target [B, ...]: -1 (indices) or NaN (values) where the loss leaves it out."""
        target = batch[self._target]
        return target if self._mask is None else mask_target(target, batch[self._mask])


def mask_target(target: Tensor, valid: Tensor) -> Tensor:
    """Return `target` with -1 (indices) or NaN (values) where `valid` is false.

    `valid` has the shape of `target`, or that of its first axes: [B] masks whole samples of [B, ...].
    """
    while valid.dim() < target.dim():
        valid = valid.unsqueeze(-1)
    missing = math.nan if target.is_floating_point() else -1
    return torch.where(valid.bool(), target, missing)
