"""Modulating features by a condition. Shapes: B batch, C features, D width of the condition, P further axes."""

from torch import Tensor, nn


class Gain(nn.Module):
    """A small network from a condition [B, D] to a gain near 1 and a shift near 0, each [B, C].

    Its last layer starts at zero, so that at first nothing is changed.
    """

    def __init__(self, condition: int, features: int, hidden: int) -> None:
        super().__init__()
        layers = [nn.Linear(condition, hidden), nn.ELU()] if hidden else []
        last = nn.Linear(hidden or condition, 2 * features)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.layers = nn.Sequential(*layers, last)

    def forward(self, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Return (gain, shift), each [B, C]."""
        gain, shift = self.layers(condition).chunk(2, 1)
        return 1 + gain, shift


class FiLM(nn.Module):
    """Scales and shifts features by a condition, the same at every place.

    Inputs x[B, C, ...] (features last if `features_last`) and condition [B, D] or [B]. Output like x.
    """

    def __init__(
        self, features: int, condition: int, *, hidden: int = 16, features_last: bool = False
    ) -> None:
        super().__init__()
        self.features_last = features_last
        self.gain = Gain(condition, features, hidden)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Return the modulated features, of the same shape as x."""
        gain, shift = self.gain(condition.unsqueeze(-1) if condition.dim() == 1 else condition)
        extra = [1] * (x.dim() - 2)
        sizes = (len(x), *extra, -1) if self.features_last else (len(x), -1, *extra)
        return x * gain.view(sizes) + shift.view(sizes)
