"""Gradients are averaged over processes once they are complete."""

from collections.abc import Sequence

from torch import Tensor

from declare.nn.distributed.process_group import ProcessGroup, fill_missing_gradients
from declare.runtime.step.strategies.strategy import Strategy


class AllReduce(Strategy):
    """For steps with several backward passes (balances): one exchange at the end."""

    def reduce_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Average the gradients."""
        average_gradients(parameters, self.world)


def average_gradients(parameters: Sequence[Tensor], world: ProcessGroup) -> None:
    """Put the mean over processes in the place of each gradient."""
    gradients = fill_missing_gradients([item.grad for item in parameters], parameters, world)
    for item, gradient in zip(parameters, gradients, strict=True):
        item.grad = gradient
    world.all_reduce_mean([gradient for gradient in gradients if gradient is not None])
