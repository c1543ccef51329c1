"""A cost passed on. Shapes: B batch."""

from torch import Tensor, nn


class Cost(nn.Module):
    """The mean of what each sample gives. Input [B, ...], output [B]."""

    def forward(self, cost: Tensor) -> Tensor:
        """Return one number for each sample."""
        return cost.flatten(1).mean(1) if cost.dim() > 1 else cost
