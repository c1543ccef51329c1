"""A plain convolutional network over images. Shapes: B batch, C channels, H height, W width."""

from collections.abc import Sequence

from torch import Tensor, nn

from declare.nn.modules.conv_stages import global_pool, stage_layers


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
            layers = stage_layers(
                (before, after),
                num_axes=2,
                kernel=kernel,
                norm=norm,
                activation=activation,
                downsample=downsample if index else "none",
            )
            if dropout:
                layers.append(nn.Dropout2d(dropout))
            stages.append(nn.Sequential(*layers))
        self.stages = nn.Sequential(*stages)
        self.pool = global_pool(2, pool)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return the pooled vector and the last feature map."""
        features_BCHW = self.stages(x)
        return {"output": self.pool(features_BCHW).flatten(1), "map": features_BCHW}
