"""Every process holds the whole model; gradients are averaged while they are made (torch's DDP)."""

from __future__ import annotations

from inspect import signature
from typing import Any, cast

from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from declare.nn.distributed.process_group import ProcessGroup
from declare.runtime.step.interfaces import Batch, Losses, Objective
from declare.runtime.step.strategies.all_reduce import AllReduce

# torch is about to give this option another name.
_NEWER = "forward_sync_buffers"
_NO_BUFFERS: dict[str, Any] = {
    _NEWER if _NEWER in signature(DistributedDataParallel).parameters else "broadcast_buffers": False
}


class Ddp(AllReduce):
    """Wraps the objective, anew whenever other parameters are trained.

    `static` where every step is one backward pass over the same parameters, as the plan says; else DDP looks for
    those that were used.
    Batch norms share their statistics, so no buffers are sent.
    """

    def __init__(self, objective: Objective, world: ProcessGroup, *, static: bool) -> None:
        super().__init__(objective, world)
        self._module = cast("nn.Module", objective)
        self._static = static
        self._wrapped: Any = None
        self.settle()

    def settle(self) -> None:
        """Wrap what is trained from now on; nothing where all is frozen."""
        self._wrapped = None  # its hooks go with it
        if any(item.requires_grad for item in self._module.parameters()):
            self._wrapped = DistributedDataParallel(
                self._module,
                **_NO_BUFFERS,
                gradient_as_bucket_view=True,
                static_graph=self._static,
                find_unused_parameters=not self._static,
            )

    def __call__(self, batch: Batch, totals: Tensor | None, *, last: bool) -> Losses:
        """Return (loss, parts) of a micro-batch; gradients travel in the last backward pass."""
        if self._wrapped is None:
            return self._objective(batch, totals)
        self._wrapped.require_backward_grad_sync = last
        found: Losses = self._wrapped(batch, totals)
        return found

    def complete(self, parameters: Any) -> None:
        """Do nothing: they were averaged on the way."""
