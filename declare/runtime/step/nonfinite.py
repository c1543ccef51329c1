"""A look at losses and gradients before the update, and the way back for buffers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from declare.nn.distributed.dtensor import total_norm
from declare.nn.distributed.process_group import ALONE, ProcessGroup


class BufferSnapshot:
    """Remembers a module's buffers (running statistics) and `more` tensors, and puts them back."""

    def __init__(self, module: nn.Module, more: Iterable[Tensor] = ()) -> None:
        self._buffers = list({id(item): item for item in (*module.buffers(), *more)}.values())
        self._copies: list[Tensor] = []

    def remember(self) -> None:
        """Keep a copy of every buffer as it stands."""
        self._copies = [buffer.clone() for buffer in self._buffers]

    @torch.no_grad()
    def restore(self) -> None:
        """Put every buffer back to the copy."""
        for buffer, copy in zip(self._buffers, self._copies, strict=True):
            buffer.copy_(copy)


def unusable(
    loss: Tensor, parameters: Sequence[Tensor], world: ProcessGroup = ALONE, *, scaled: bool
) -> str | None:
    """Return why a batch must not change the weights, or None; waits for the device.

    All processes return None, or none does: they agree on the loss before any takes the norm, which may need all.
    """
    finite = bool(torch.isfinite(loss))
    if world.any(not finite):
        return "the loss of another process is not finite" if finite else f"the loss is {loss.item()}"
    gradients = [item.grad for item in parameters if item.grad is not None]
    # A gradient scaler judges its own gradients: infinite ones are how it finds its scale.
    if gradients and not scaled:
        norm = total_norm(gradients)
        if not bool(torch.isfinite(norm)):
            return f"the norm of the gradient is {norm.item()}"
    return None
