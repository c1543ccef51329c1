"""Rows of all processes side by side, for losses that compare rows with each other."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

from declare.nn.distributed.process_group import ProcessGroup


def all_rows(values: Tensor, world: ProcessGroup) -> Tensor:
    """Return the rows [sum of N, ...] of every process by rank; gradients find their way back.

    Processes may hold different numbers of rows; the other axes agree.
    """
    if world.size == 1 or world.is_apart:
        return values
    gathered: Tensor = _Gathering.apply(values, world)
    return gathered


class _Gathering(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, world: ProcessGroup) -> Tensor:
        counts = world.gathered(len(values))
        padded = values.new_zeros(max(counts), *values.shape[1:])
        padded[: len(values)] = values
        found = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(found, padded.contiguous())
        ctx.start, ctx.count = sum(counts[: world.rank]), len(values)
        return torch.cat([each[:count] for each, count in zip(found, counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total[ctx.start : ctx.start + ctx.count], None
