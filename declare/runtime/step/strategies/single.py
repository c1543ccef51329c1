"""One process does all of a step's work."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from declare.nn.distributed.process_group import ALONE, ProcessGroup
from declare.runtime.step.interfaces import Batch, Losses, Objective


class UnskippableBatchError(Exception):
    """A forward pass failed in this process while others are in theirs: none can leave the batch out."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class SingleProcess:
    """Calls the objective; the gradients that stand after the last backward pass are those of the step."""

    def __init__(self, objective: Objective, world: ProcessGroup = ALONE) -> None:
        self._objective = objective
        self._world = world

    def settle(self) -> None:
        """Get ready for the parameters that are trained from now on."""

    def begin(self) -> None:
        """Forget what is left of a step that failed half way."""

    share = 1.0
    """What a loss that it returns is to be multiplied by, to be of the size of the step's."""

    def weigh(self, batch: Batch, cut: Sequence[Batch]) -> Tensor:
        """Return the weights of this process's share of a batch, which is cut into the micro-batches `cut`."""
        return self._objective.weights(batch)

    def totals(self, weights: Tensor) -> Tensor:
        """Return what losses are divided by, from the weights of this process's share."""
        return weights

    def __call__(self, batch: Batch, totals: Tensor | None, *, last: bool) -> Losses:
        """Return (loss, parts) of a micro-batch; `last` where its backward pass completes the step."""
        return self._objective(batch, totals)

    def taken(self, parameters: Sequence[Tensor]) -> None:
        """Hear that the gradients of a micro-batch stand."""

    def complete(self, parameters: Sequence[Tensor]) -> None:
        """Make the gradients those of the whole step."""
