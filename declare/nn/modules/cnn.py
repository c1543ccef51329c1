"""A plain convolutional network over images. Shapes: B batch, C channels, H height, W width."""

from collections.abc import Callable, Sequence

from torch import Tensor, nn

_ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh}


class CNN(nn.Module):
    """Stages of convolution, norm, activation and dropout; between stages the map is halved.

    An odd `kernel` keeps the size.

    Input x[B, C, H, W]. Output `output` [B, F] (the map pooled over space, or all of it) and `map` [B, F',
    H', W'].
    """

    def __init__(
        self,
        inputs: int,
        channels: Sequence[int],
        *,
        kernel: int = 3,
        norm: str = "batch",
        activation: str = "relu",
        downsample: str = "max",
        pool: str = "mean",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        for index, (before, after) in enumerate(zip([inputs, *channels], channels, strict=False)):
            halve = downsample if index else "none"
            layers: list[nn.Module] = [_HALVES[halve](2)] if halve in _HALVES else []
            stride = 2 if halve == "stride" else 1
            layers.append(nn.Conv2d(before, after, kernel, stride, padding=kernel // 2, bias=norm == "none"))
            if norm != "none":
                layers.append(_NORMS[norm](after))
            layers.append(_ACTIVATIONS[activation]())
            if dropout:
                layers.append(nn.Dropout2d(dropout))
            stages.append(nn.Sequential(*layers))
        self.stages = nn.Sequential(*stages)
        self.pool = _POOLS[pool]()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return the pooled vector and the last feature map."""
        features_BCHW = self.stages(x)
        return {"output": self.pool(features_BCHW).flatten(1), "map": features_BCHW}


_POOLS: dict[str, Callable[[], nn.Module]] = {
    "mean": lambda: nn.AdaptiveAvgPool2d(1),
    "max": lambda: nn.AdaptiveMaxPool2d(1),
    "flatten": nn.Identity,
}
_NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm2d,
    "group": lambda channels: nn.GroupNorm(1, channels),
}
_HALVES: dict[str, Callable[[int], nn.Module]] = {"max": nn.MaxPool2d, "mean": nn.AvgPool2d}
