"""A plain convolutional network over images. Shapes: B batch, C channels, H height, W width."""

from collections.abc import Sequence

from torch import Tensor, nn

from declare.nn.modules.conv_stages import global_pool, stages_of


class CNN(nn.Module):
    """Stages of convolution, norm, activation and dropout; the map is halved between stages.

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
        stages = stages_of(
            2, [inputs, *channels], kernel=kernel, norm=norm, activation=activation, downsample=downsample
        )
        self.stages = nn.Sequential(
            *(nn.Sequential(*layers, *([nn.Dropout2d(dropout)] if dropout else [])) for layers, _ in stages)
        )
        self.pool = global_pool(2, pool)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return `output`, the pooled vector [B, F], and `map`, the last features [B, F', H', W']."""
        features_BCHW = self.stages(x)
        return {"output": self.pool(features_BCHW).flatten(1), "map": features_BCHW}
