"""Several processes that skip bad batches: all leave a batch out, or none does."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from torch import Tensor

from declare.runtime.step.interfaces import Batch, Losses
from declare.runtime.step.skipping import BATCH_FAILURES, UnskippableBatchError, is_fatal
from declare.runtime.step.strategies.strategy import Strategy

Value = TypeVar("Value")


class AllRanksOrNone(Strategy):
    """Another strategy, whose processes agree after each part of a step on whether it failed in one of them."""

    def __init__(self, strategy: Strategy) -> None:
        super().__init__(strategy.objective, strategy.world)
        self._strategy = strategy
        self.loss_scale = strategy.loss_scale
        self.model, self.backward = self._forward, self._backward

    def rewrap(self) -> None:
        """Get ready for the parameters that are trained from now on."""
        self._strategy.rewrap()

    def reset(self) -> None:
        """Remove the state of a step that failed half way."""
        self._strategy.reset()

    def mask_inputs(self, batch: Batch, seed: int) -> Batch:
        """Return the batch of a step."""
        return self._agree(self._strategy.mask_inputs, batch, seed)

    def local_denominators(self, batch: Batch, micro_batches: Sequence[Batch]) -> Tensor:
        """Return the denominators of this process's part of a batch."""
        return self._agree(self._strategy.local_denominators, batch, micro_batches)

    def reduce_denominators(self, denominators: Tensor) -> Tensor:
        """Return the denominators of losses."""
        return self._strategy.reduce_denominators(denominators)

    def set_gradient_sync(self, enabled: bool) -> None:
        """Set whether the next backward pass completes the step."""
        self._strategy.set_gradient_sync(enabled)

    def after_micro_batch(self, parameters: Sequence[Tensor]) -> None:
        """Take in the gradients of a micro-batch."""
        self._strategy.after_micro_batch(parameters)

    def _forward(self, batch: Batch, denominators: Tensor | None) -> Losses:
        if self._strategy.forward_is_collective:
            return self._collective(self._strategy.model, batch, denominators)
        return self._agree(self._strategy.model, batch, denominators)

    def _backward(self, loss: Tensor) -> None:
        self._collective(self._strategy.backward, loss)

    def reduce_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Make the gradients those of the whole step."""
        self._collective(self._strategy.reduce_gradients, parameters)

    def _agree(self, function: Callable[..., Value], *arguments: Any) -> Value:
        """Call a function; all processes fail if one does."""
        value, failure = None, None
        try:
            value = function(*arguments)
        except BATCH_FAILURES as error:
            if is_fatal(error, self.world):
                raise
            if self.objective.needs_collectives:
                raise UnskippableBatchError(error) from error
            failure = error
        if self.world.any(failure is not None):
            raise failure or RuntimeError("another process could not compute its part of the batch")
        return value  # type: ignore[return-value]

    def _collective(self, function: Callable[..., Value], *arguments: Any) -> Value:
        """Call what other processes are in the midst of too: if it fails here, none can leave the batch out."""
        try:
            return function(*arguments)
        except BATCH_FAILURES as error:
            if self.world.is_peer_failure(error):
                raise
            raise UnskippableBatchError(error) from error
