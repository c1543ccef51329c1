"""Hidden layers and a linear layer to the target. Shapes: B batch, T time, I input features."""

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

from declare.nn.heads.vectors import join_inputs, shape_output
from declare.nn.modules.activation_functions import ACTIVATIONS


class MLP(nn.Sequential):
    """Linear layers with activation and dropout between them; the last one is shaped as the target.

    Inputs [B, I_k] or [B] (joined), or [B, T, I_k] alike. Output [B, *output], or [B, T, output] for
    sequences. Neither softmax nor sigmoid is applied.
    """

    def __init__(
        self,
        features: int,
        hidden: Sequence[int],
        output: Sequence[int],
        *,
        activation: str = "relu",
        dropout: float = 0.0,
    ) -> None:
        layers: list[nn.Module] = []
        for width, next_width in zip([features, *hidden], hidden, strict=False):
            layers += [nn.Linear(width, next_width), ACTIVATIONS[activation]()]
            if dropout:
                layers.append(nn.Dropout(dropout))
        layers.append(nn.Linear([features, *hidden][-1], prod(output)))
        super().__init__(*layers)
        self.output = tuple(output)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Join the inputs [B, ...] and map them to the target's shape [B, ...]."""
        return shape_output(super().forward(join_inputs(inputs)), self.output)
