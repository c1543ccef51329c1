"""The mean of a loss output. Shapes: B batch."""

from torch import Tensor

from declare.nn.losses.shapes import require_same
from declare.nn.losses.summed_loss import SummedLoss
from declare.nn.precision import at_least_single


class Mean(SummedLoss):
    """Sum of the loss [B] of each sample, with their number."""

    def forward(self, output: Tensor, target: Tensor) -> tuple[Tensor, int]:
        """Return (sum, weight), scalars."""
        require_same(output, target)
        return at_least_single(output).sum(), len(output)

    def count(self, target: Tensor) -> int:
        """Return the number of samples, a scalar."""
        return len(target)
