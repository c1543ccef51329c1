"""A decoder from a feature map to a larger one. Shapes: B batch, C channels, H height, W width."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from declare.nn.modules.activation_functions import ACTIVATIONS


class Upsample(nn.Module):
    """Stages that double the map (bilinear) and convolve it (3x3, batch norm, activation), then a resizing.

    Input x[B, C, H, W], and optionally `like` [B, ..., H', W'], of which the size alone is read. Output
    [B, F, H', W'], or [B, F, 2^n H, 2^n W] for n stages if neither `like` nor `size` is given.
    """

    def __init__(
        self,
        inputs: int,
        channels: Sequence[int],
        *,
        activation: str = "relu",
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.size = size
        self.stages = nn.Sequential(
            *(
                nn.Sequential(
                    nn.Upsample(scale_factor=2, mode="bilinear"),
                    nn.Conv2d(width, next_width, 3, padding=1, bias=False),
                    nn.BatchNorm2d(next_width),
                    ACTIVATIONS[activation](),
                )
                for width, next_width in zip([inputs, *channels], channels, strict=False)
            )
        )

    def forward(self, x: Tensor, like: Tensor | None = None) -> Tensor:
        """Return the larger map [B, F, H', W']."""
        map_BCHW: Tensor = self.stages(x)
        size = tuple(like.shape[-2:]) if like is not None else self.size
        if size is None or size == tuple(map_BCHW.shape[-2:]):
            return map_BCHW
        return functional.interpolate(map_BCHW, size=size, mode="bilinear")
