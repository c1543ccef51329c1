"""Every process holds the whole model; gradients are averaged while they are made (torch's DDP)."""

from inspect import signature
from typing import Any, cast

from torch import nn
from torch.nn.parallel import DistributedDataParallel

from declare.nn.distributed.process_group import ProcessGroup
from declare.runtime.step.interfaces import Objective
from declare.runtime.step.strategies.strategy import Strategy

# torch is about to give this option another name.
_NEWER = "forward_sync_buffers"
_NO_BUFFERS: dict[str, Any] = {
    _NEWER if _NEWER in signature(DistributedDataParallel).parameters else "broadcast_buffers": False
}


class Ddp(Strategy):
    """Wraps the objective in DDP, again whenever other parameters are trained.

    `static` if every step is one backward pass over the same parameters, according to the plan; else DDP looks for
    those that were used.
    Batch norms share their statistics, so no buffers are sent.
    """

    def __init__(self, objective: Objective, world: ProcessGroup, *, static: bool) -> None:
        super().__init__(objective, world)
        self._module = cast("nn.Module", objective)
        self._static = static
        self._wrapped: DistributedDataParallel | None = None
        self.rewrap()

    def rewrap(self) -> None:
        """Wrap what is trained from now on; nothing if all is frozen."""
        self._wrapped, self.model = None, self.objective  # its hooks go with it
        if any(item.requires_grad for item in self._module.parameters()):
            self._wrapped = self.model = DistributedDataParallel(
                self._module,
                **_NO_BUFFERS,
                gradient_as_bucket_view=True,
                static_graph=self._static,
                find_unused_parameters=not self._static,
            )

    def set_gradient_sync(self, enabled: bool) -> None:
        """Let gradients travel in the next backward pass, or not."""
        if self._wrapped is not None:
            self._wrapped.require_backward_grad_sync = enabled
