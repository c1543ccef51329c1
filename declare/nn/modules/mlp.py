"""A multilayer perceptron. Shapes: B batch, T time, I input features, F features of the last layer."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from declare.nn.modules.activation_functions import ACTIVATIONS
from declare.nn.modules.padding import step_norm


class StepBatchNorm(nn.BatchNorm1d):
    """Batch norm over the last axis of [B, F], or of [B, T, F] with statistics over batch and time."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's own name
        """Normalise the last axis of x [B, F] or [B, T, F]."""
        return super().forward(input.reshape(-1, input.shape[-1])).view(input.shape)


_NORMS = {"layer": nn.LayerNorm, "batch": StepBatchNorm}


class MLP(nn.Sequential):
    """Linear layers, each followed by norm, activation and dropout (the last one too).

    Inputs [B, I_k] or [B] (numbers), or [B, T, I_k] alike; they are joined along the features.
    Output [B, F] or [B, T, F]. No output layer is applied. If `lengths` [B] are given, batch norms see the real
    steps of each sample alone.
    """

    def __init__(
        self,
        features: int,
        hidden: Sequence[int],
        *,
        activation: str = "relu",
        norm: str = "none",
        dropout: float = 0.0,
    ) -> None:
        layers: list[nn.Module] = []
        for width, next_width in zip([features, *hidden], hidden, strict=False):
            layers.append(nn.Linear(width, next_width))
            if norm != "none":
                layers.append(_NORMS[norm](next_width))
            layers.append(ACTIVATIONS[activation]())
            if dropout:
                layers.append(nn.Dropout(dropout))
        super().__init__(*layers)

    def forward(self, *inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Join the inputs and apply the layers; return [B, F] or [B, T, F]."""
        columns = [value.unsqueeze(-1) if value.dim() == 1 else value for value in inputs]
        features = torch.cat(
            [column.to(torch.float32) if not column.is_floating_point() else column for column in columns], -1
        )
        if lengths is None:
            return super().forward(features)
        for layer in self:
            features = (
                step_norm(layer, features, lengths) if isinstance(layer, StepBatchNorm) else layer(features)
            )
        return features
