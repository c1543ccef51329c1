"""One linear layer to the target. Shapes: B batch, T time, I input features."""

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

from declare.nn.heads.vectors import join_inputs, shape_output


class Linear(nn.Linear):
    """A linear layer whose output is shaped as the target.

    Inputs [B, I_k] or [B] (joined), or [B, T, I_k] alike. Output [B, *output], or [B, T, output] for
    sequences. Neither softmax nor sigmoid is applied.
    """

    def __init__(self, features: int, output: Sequence[int]) -> None:
        super().__init__(features, prod(output))
        self.output = tuple(output)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Join the inputs [B, ...] and map them to the target's shape [B, ...]."""
        return shape_output(super().forward(join_inputs(inputs)), self.output)
