"""Rows of all processes side by side, for losses that compare rows with each other."""

from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

from declare.nn.distributed.process_group import ProcessGroup


def all_gather_rows(values: Tensor, world: ProcessGroup) -> Tensor:
    """Return the rows [sum of N, ...] of every process by rank; gradients find their way back.

    Processes may hold different numbers of rows; the other axes agree.
    """
    if world.size == 1 or world.in_no_sync:
        return values
    rows: Tensor = _AllGatherRows.apply(values, world)
    return rows


class _AllGatherRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, world: ProcessGroup) -> Tensor:
        counts = world.all_gather_object(len(values))
        padded = values.new_zeros(max(counts), *values.shape[1:])
        padded[: len(values)] = values
        blocks = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(blocks, padded.contiguous())
        ctx.start, ctx.count = sum(counts[: world.rank]), len(values)
        return torch.cat([block[:count] for block, count in zip(blocks, counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total[ctx.start : ctx.start + ctx.count], None
