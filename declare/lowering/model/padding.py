"""Joining rows that differ in length: of several datasets, or of several batches."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def join_padded(parts: Sequence[Tensor]) -> Tensor:
    """Return parts [B, ...] one after another; if other axes than the rows differ, their ends are padded.

    Ids and indices are padded with -1, which counts nowhere; numbers and masks with zeros.
    """
    shapes = {part.shape[1:] for part in parts}
    if len(shapes) == 1:
        return torch.cat(list(parts))
    return torch.cat([pad_to(part, [max(sizes) for sizes in zip(*shapes, strict=True)]) for part in parts])


def pad_to(part: Tensor, sizes: Sequence[int]) -> Tensor:
    """Return `part` [B, ...] as [B, *sizes]."""
    missing = -1 if part.dtype in {torch.int64, torch.int32} else 0
    behind = [(0, size - length) for size, length in zip(sizes, part.shape[1:], strict=True)]
    return functional.pad(part, [edge for pair in reversed(behind) for edge in pair], value=missing)
