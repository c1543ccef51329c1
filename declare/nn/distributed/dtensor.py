"""Tensors that processes hold in shares, each some of their rows, as torch's FSDP cuts them."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

_PLAIN = frozenset({Tensor, nn.Parameter})


def is_sharded(tensor: Tensor) -> bool:
    """Return whether this process has only its shard of a tensor, without importing torch.distributed modules."""
    return type(tensor) not in _PLAIN and hasattr(tensor, "placements") and hasattr(tensor, "to_local")


def rank_rows(rows: int, rank: int, size: int) -> tuple[int, int]:
    """Return the first row of a process's share and the one after its last; late processes may have none."""
    per_process = -(-rows // size)
    return min(rank * per_process, rows), min((rank + 1) * per_process, rows)


def local_tensor(tensor: Any) -> Tensor:
    """Return this process's shard of a tensor; it shares the tensor's memory."""
    local: Tensor = tensor.detach().to_local() if is_sharded(tensor) else tensor.detach()
    return local


def full_tensor(tensor: Any) -> Tensor:
    """Return all of a tensor; for a sharded one, all processes must call it."""
    full: Tensor = tensor.detach().full_tensor() if is_sharded(tensor) else tensor.detach()
    return full


def split_by_sharding(tensors: Sequence[Tensor]) -> list[list[Tensor]]:
    """Return sharded and whole tensors separately: no operation takes both."""
    parts = [[item for item in tensors if is_sharded(item) == sharded] for sharded in (True, False)]
    return [part for part in parts if part]


def total_norm(tensors: Sequence[Tensor]) -> Tensor:
    """Return the norm of some tensors as if they were one, the same in every process."""
    norms = [full_tensor(nn.utils.get_total_norm(part)) for part in split_by_sharding(tensors)]
    return norms[0] if len(norms) == 1 else torch.linalg.vector_norm(torch.stack(norms))


def clip_norm(parameters: Sequence[Tensor], limit: float) -> None:
    """Shorten the gradients of parameters of both kinds to a norm of `limit` together, if they are longer."""
    total = total_norm([item.grad for item in parameters if item.grad is not None])
    for part in split_by_sharding(parameters):
        nn.utils.clip_grads_with_norm_(part, limit, total)


def shard_rows(rows: Callable[[int, int], Tensor], like: Any) -> Tensor:
    """Return a tensor sharded like `like`; `rows(start, stop)` gives this process's rows."""
    from torch.distributed.tensor import DTensor

    mesh = like.device_mesh
    start, stop = rank_rows(like.shape[0], mesh.get_local_rank(), mesh.size())
    mine = rows(start, stop).to(like.device, like.dtype)
    sharded: Tensor = DTensor.from_local(
        mine, mesh, like.placements, run_check=False, shape=like.shape, stride=like.stride()
    )
    return sharded


def shard_like_tensor(value: Tensor, like: Tensor) -> Tensor:
    """Return a whole tensor unchanged, or sharded if `like` is sharded and has its shape."""
    if not is_sharded(like) or is_sharded(value) or value.shape != like.shape:
        return value
    return shard_rows(lambda start, stop: value[start:stop], like)
