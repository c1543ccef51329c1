"""Steps that leave out batches which fail, or whose loss or gradient is not finite."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from declare.nn.distributed.dtensor import total_norm
from declare.nn.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from declare.runtime.errors import first_line
from declare.runtime.step.interfaces import Batch, BeforeUpdate, Losses
from declare.system.out_of_memory import is_shortage

BATCH_FAILURES = (RuntimeError, ValueError, IndexError)
"""What a batch may raise that is left out."""


class BatchFailedError(Exception):
    """A batch gave no usable gradient; the weights and buffers are as before it."""


class UnskippableBatchError(Exception):
    """A batch failed in this process while others are in the midst of it: none can leave it out."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class SkippingStep:
    """Another step, undone if its batch fails or gives a loss or gradient that is not finite."""

    def __init__(
        self,
        step: Callable[[int, Batch, BeforeUpdate], Losses],
        buffers: "BufferSnapshot",
        world: ProcessGroup,
        *,
        scaled: bool,
    ) -> None:
        self._step = step
        self._buffers = buffers
        self._world = world
        self._scaled = scaled
        self._has_gradients = False

    def __call__(self, number: int, batch: Batch) -> Losses:
        """Make step `number`; raises `BatchFailedError` if its batch must not change the weights."""
        self._has_gradients = False
        self._buffers.remember()
        try:
            return self._step(number, batch, self._require_finite)
        except BATCH_FAILURES as error:
            if self._has_gradients or is_fatal(error, self._world):
                raise
            self._buffers.restore()
            raise BatchFailedError(first_line(error)) from error

    def _require_finite(self, loss: Tensor, parameters: Sequence[Tensor]) -> None:
        self._has_gradients = True  # what fails from now on is not the batch
        reason = nonfinite_reason(loss, parameters, self._world, scaled=self._scaled)
        if reason is not None:
            self._buffers.restore()
            raise BatchFailedError(reason)


def is_fatal(error: Exception, world: ProcessGroup) -> bool:
    """Whether leaving the batch out would not help: the next one needs as much memory, and as many processes."""
    return is_shortage(error) or world.is_peer_failure(error)


class BufferSnapshot:
    """Remembers a module's buffers (running statistics) and `more` tensors, and puts them back."""

    def __init__(self, module: nn.Module, more: Iterable[Tensor] = ()) -> None:
        self._buffers = list({id(item): item for item in (*module.buffers(), *more)}.values())
        self._copies: list[Tensor] = []

    def remember(self) -> None:
        """Store a copy of every buffer."""
        self._copies = [buffer.clone() for buffer in self._buffers]

    @torch.no_grad()
    def restore(self) -> None:
        """Put every buffer back to the copy."""
        for buffer, copy in zip(self._buffers, self._copies, strict=True):
            buffer.copy_(copy)


def nonfinite_reason(
    loss: Tensor, parameters: Sequence[Tensor], world: ProcessGroup = SINGLE_PROCESS, *, scaled: bool
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
