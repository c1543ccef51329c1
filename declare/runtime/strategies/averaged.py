"""Gradients are averaged over processes once they all stand."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from declare.runtime.strategies.alone import Alone


class Averaged(Alone):
    """For steps with several backward passes of their own (balances): one exchange at the end."""

    def totals(self, weights: Tensor) -> Tensor:
        """Return the mean of the weights: the mean of the processes' losses is then that of the batch."""
        return self._world.mean(weights)

    def complete(self, parameters: Sequence[Tensor]) -> None:
        """Average the gradients."""
        self._world.average([item.grad for item in parameters if item.grad is not None])
