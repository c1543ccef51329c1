"""A score for every token of the vocabulary. Shapes: B batch, T positions, D features, V tokens."""

from torch import Tensor, nn


class Lm(nn.Module):
    """One linear layer from x[B, T, D] to logits [B, T, V], without a bias."""

    def __init__(self, features: int, classes: int, *, norm: bool = False) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(features) if norm else nn.Identity()
        self.linear = nn.Linear(features, classes, bias=False)
        nn.init.normal_(self.linear.weight, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [B, T, V]."""
        return self.linear(self.norm(x))
