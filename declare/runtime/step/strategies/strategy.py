"""How a step is spread over processes. `Strategy` itself is one process that does all of the work."""

from collections.abc import Callable, Sequence

from torch import Tensor

from declare.nn.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from declare.runtime.step.interfaces import Batch, Losses, Objective


class Strategy:
    """The parts of a step that depend on other processes; those that spread a step replace some of them."""

    loss_scale = 1.0
    """What the losses of a process are multiplied by, so that their mean over processes is that of the batch."""
    model: Callable[[Batch, Tensor | None], Losses]
    """Returns (loss, terms) of a micro-batch, losses divided by their denominators."""
    backward: Callable[[Tensor], object]
    """Adds the gradients of a loss."""
    forward_is_collective = False
    """Whether a forward pass waits for those of other processes, whatever the objective is."""

    def __init__(self, objective: Objective, world: ProcessGroup = SINGLE_PROCESS) -> None:
        self.objective = objective
        self.world = world
        self.model = objective
        self.backward = Tensor.backward if objective.balance is None else objective.balance.backward

    def rewrap(self) -> None:
        """Get ready for the parameters that are trained from now on: something was frozen or unfrozen."""

    def reset(self) -> None:
        """Remove the state of a step that failed half way."""

    def mask_inputs(self, batch: Batch, seed: int) -> Batch:
        """Return the batch of a step with masked inputs; draws differ in processes, which hold other rows."""
        return self.objective.mask_inputs(batch, seed + self.world.rank)

    def global_denominators(self, batch: Batch, micro_batches: Sequence[Batch]) -> Tensor:
        """Return what losses are divided by: the mean over processes of the denominators of their parts of a batch.

        The mean of the processes' gradients is then the gradient of the batch.
        """
        return self.reduce_denominators(self.local_denominators(batch, micro_batches))

    def local_denominators(self, batch: Batch, micro_batches: Sequence[Batch]) -> Tensor:
        """Return the denominators of this process's part of a batch, which is divided into `micro_batches`."""
        return self.objective.denominators(batch)

    def reduce_denominators(self, denominators: Tensor) -> Tensor:
        """Return the denominators of losses from those of this process's share."""
        return self.world.mean(denominators)

    def set_gradient_sync(self, enabled: bool) -> None:
        """Set whether the next backward pass completes the step, so that gradients may be reduced in it."""

    def after_micro_batch(self, parameters: Sequence[Tensor]) -> None:
        """Take in the gradients of a micro-batch."""

    def reduce_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Make the gradients those of the whole step, alike in all processes."""
