"""Inputs of heads over vectors, and their outputs in the shape of the target."""

from collections.abc import Sequence

import torch
from torch import Tensor


def join_inputs(inputs: Sequence[Tensor]) -> Tensor:
    """Return inputs [B, I_k] or [B], or [B, T, I_k] alike, joined to [B, I] or [B, T, I]."""
    return torch.cat([value.unsqueeze(-1) if value.dim() == 1 else value for value in inputs], -1)


def shape_output(values: Tensor, output: Sequence[int]) -> Tensor:
    """Return values [..., F] as [..., *output]."""
    return values if len(output) == 1 else values.reshape(*values.shape[:-1], *output)
