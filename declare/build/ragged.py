"""Joining rows of several datasets whose texts differ in length."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def joined(parts: Sequence[Tensor]) -> Tensor:
    """Return parts [B, ...] one after another; where the first axis after the rows differs, the end is padded.

    Ids and indices are padded with -1, which counts nowhere; numbers and masks with zeros.
    """
    if len({part.shape[1:] for part in parts}) == 1:
        return torch.cat(list(parts))
    longest = max(part.shape[1] for part in parts)
    return torch.cat([padded(part, longest) for part in parts])


def padded(part: Tensor, length: int) -> Tensor:
    """Return `part` [B, T, ...] as [B, length, ...]."""
    missing = -1 if part.dtype in {torch.int64, torch.int32} else 0
    return functional.pad(part, (*(0, 0) * (part.dim() - 2), 0, length - part.shape[1]), value=missing)
