"""A plain convolutional network over series. Shapes: B batch, C channels, T time, F features."""

from collections.abc import Sequence

from torch import Tensor, nn

from declare.nn.modules import padding
from declare.nn.modules.conv_stages import global_pool, stages_of


class Conv1d(nn.Module):
    """Stages of convolution, norm, activation and dropout; the time axis is halved between stages.

    An odd `kernel` keeps the size.

    Input x[B, C, T], or [B, T, C] if `features_last`. Output `output` [B, F] (the series pooled over
    time, or all of it) and `series` [B, F, T'].

    If `lengths` [B] are given, kernels, norms and pooling see zeros beyond a sample's end or nothing at all, and a
    sample that is down to one step keeps it.
    """

    def __init__(
        self,
        inputs: int,
        channels: Sequence[int],
        *,
        kernel: int = 7,
        norm: str = "batch",
        activation: str = "relu",
        downsample: str = "max",
        pool: str = "mean",
        dropout: float = 0.0,
        features_last: bool = False,
    ) -> None:
        super().__init__()
        stages = stages_of(
            1, [inputs, *channels], kernel=kernel, norm=norm, activation=activation, downsample=downsample
        )
        self.features_last = features_last
        self.stages = nn.Sequential(
            *(
                Stage(*layers, *([nn.Dropout1d(dropout)] if dropout else []), downsample=halving)
                for layers, halving in stages
            )
        )
        self.pool = global_pool(1, pool)
        self.pooling = pool

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> dict[str, Tensor]:
        """Return `output`, the pooled vector [B, F], and `series`, the last features [B, F, T']."""
        x = x.transpose(1, 2) if self.features_last else x
        if lengths is not None:
            return self._forward_padded(x, lengths)
        series_BCT = self.stages(x)
        return {"output": self.pool(series_BCT).flatten(1), "series": series_BCT}

    def _forward_padded(self, x: Tensor, lengths: Tensor) -> dict[str, Tensor]:
        """Return the same for samples of different lengths."""
        for stage in self.stages:
            assert isinstance(stage, Stage)
            x, lengths = stage(x, lengths), stage.lengths_after(lengths)
        series_BCT = padding.fill_padding(x, lengths)
        if self.pooling == "flatten":
            return {"output": series_BCT.flatten(1), "series": series_BCT}
        over = padding.mean_over if self.pooling == "mean" else padding.max_over
        return {"output": over(x, lengths), "series": series_BCT}


class Stage(nn.Sequential):
    """Halving if there is any, convolution, norm, activation, dropout: one module, which shards are gathered for.

    Input x[B, C, T], output [B, C', T']; if `lengths` [B] are given, steps beyond are not used.
    """

    def __init__(self, *layers: nn.Module, downsample: str) -> None:
        super().__init__(*layers)
        self.downsample = downsample

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Apply the layers to x [B, C, T]; return [B, C', T']."""
        for layer in self:
            if lengths is None:
                x = layer(x)
            else:
                x, lengths = self._layer(layer, x, lengths)
        return x

    def lengths_after(self, lengths: Tensor) -> Tensor:
        """Return the steps [B] that samples have in the output: one stays one."""
        if self.downsample == "stride":
            return (lengths + 1) // 2
        return lengths if self.downsample == "none" else lengths // 2 + (lengths == 1)

    def _layer(self, layer: nn.Module, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return what a layer gives for x[B, C, T], and how long the samples are then."""
        if isinstance(layer, nn.Conv1d):
            output = layer(padding.fill_padding(x, lengths))
            return output, (lengths + 1) // 2 if layer.stride[0] == 2 else lengths
        if isinstance(layer, nn.BatchNorm1d):
            return padding.batch_norm(layer, x, lengths), lengths
        if isinstance(layer, nn.GroupNorm):
            return padding.group_norm(layer, x, lengths), lengths
        if isinstance(layer, nn.MaxPool1d | nn.AvgPool1d):
            return padding.downsample_pairs(x, lengths, self.downsample)
        return layer(x), lengths
