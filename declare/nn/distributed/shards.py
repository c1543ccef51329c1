"""Tensors that processes hold in shares, each some of their rows, as torch's FSDP cuts them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor


def is_sharded(tensor: Tensor) -> bool:
    """Whether this process holds only its share of a tensor. Asks no module of torch.distributed for it."""
    return hasattr(tensor, "placements") and hasattr(tensor, "to_local")


def share(rows: int, rank: int, size: int) -> tuple[int, int]:
    """Return the first row of a process's share and the one after its last; late processes may have none."""
    each = -(-rows // size)
    return min(rank * each, rows), min((rank + 1) * each, rows)


def own(tensor: Any) -> Tensor:
    """Return what this process holds of a tensor; the memory is the tensor's."""
    found: Tensor = tensor.detach().to_local() if is_sharded(tensor) else tensor.detach()
    return found


def whole(tensor: Any) -> Tensor:
    """Return all of a tensor; where it is held in shares, all processes must ask for it."""
    found: Tensor = tensor.detach().full_tensor() if is_sharded(tensor) else tensor.detach()
    return found


def cut(rows: Callable[[int, int], Tensor], like: Any) -> Tensor:
    """Return a tensor held in shares as `like` is; `rows(start, stop)` gives this process's rows of it."""
    from torch.distributed.tensor import DTensor

    mesh = like.device_mesh
    start, stop = share(like.shape[0], mesh.get_local_rank(), mesh.size())
    mine = rows(start, stop).to(like.device, like.dtype)
    found: Tensor = DTensor.from_local(
        mine, mesh, like.placements, run_check=False, shape=like.shape, stride=like.stride()
    )
    return found


def as_held(value: Tensor, like: Tensor) -> Tensor:
    """Return a whole tensor as it is, or in shares where `like` is held so and has its shape."""
    if not is_sharded(like) or is_sharded(value) or value.shape != like.shape:
        return value
    return cut(lambda start, stop: value[start:stop], like)
