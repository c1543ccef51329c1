"""Gradients are averaged over processes once they all stand."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from declare.nn.distributed.process_group import fill_missing_gradients
from declare.runtime.step.strategies.single import SingleProcess


class AllReduce(SingleProcess):
    """For steps with several backward passes of their own (balances): one exchange at the end."""

    def totals(self, weights: Tensor) -> Tensor:
        """Return the mean of the weights: the mean of the processes' losses is then that of the batch."""
        return self._world.mean(weights)

    def complete(self, parameters: Sequence[Tensor]) -> None:
        """Average the gradients."""
        found = fill_missing_gradients([item.grad for item in parameters], parameters, self._world)
        for item, gradient in zip(parameters, found, strict=True):
            item.grad = gradient
        self._world.average([gradient for gradient in found if gradient is not None])
