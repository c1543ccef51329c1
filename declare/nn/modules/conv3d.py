"""A convolutional core over video. Shapes: B batch, C channels, T frames, H height, W width."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from declare.nn.modules import padding
from declare.nn.modules.activation_functions import ACTIVATIONS


class SpaceTime(nn.Conv3d):
    """A three-dimensional convolution without stride, done in two dimensions if it can be.

    Input x[B, C, T, H, W], output [B, C', T - kernel + 1, H', W']. A kernel that spans all frames takes them as
    further channels, one of a single frame takes frames as further samples: both are many times faster.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Convolve x [B, C, T, H, W] to [B, C', T', H', W']."""
        frames, kernel_frames = x.shape[2], self.kernel_size[0]
        padding = self.padding[1:]
        assert not isinstance(padding, str)
        if frames == kernel_frames:
            kernel_OIHW = self.weight.flatten(1, 2)
            image_BCHW = x.flatten(1, 2).contiguous(memory_format=torch.channels_last)
            return functional.conv2d(image_BCHW, kernel_OIHW, self.bias, padding=padding).unsqueeze(2)
        if kernel_frames == 1:
            image_BCHW = x.transpose(1, 2).flatten(0, 1)
            output = functional.conv2d(image_BCHW, self.weight.squeeze(2), self.bias, padding=padding)
            return output.unflatten(0, (-1, frames)).transpose(1, 2)
        return super().forward(x)


class Conv3d(nn.Module):
    """Stages of convolution over space and time, norm and activation; the map is not halved.

    Time is not padded: each stage uses up kernel - 1 frames. Space is padded with zeros to keep its size if
    `pad`. Input x[B, C, T, H, W]. Output [B, F, T', H', W'], or the map [B, F, H', W'] if `squeeze`: the features
    of the last stage, or of all if `stack`, cut to its latest frames and middle places. If `lengths` [B] are
    given, norms see the frames of each sample alone.
    """

    def __init__(
        self,
        inputs: int,
        channels: Sequence[int],
        kernels: Sequence[Sequence[int]],
        *,
        norm: str = "batch",
        activation: str = "elu",
        pad: bool = True,
        squeeze: bool = False,
        stack: bool = True,
    ) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        for channels_in, channels_out, kernel in zip([inputs, *channels], channels, kernels, strict=False):
            frames, height, width = kernel
            around = (0, height // 2, width // 2) if pad else (0, 0, 0)
            layers: list[nn.Module] = [
                SpaceTime(
                    channels_in, channels_out, (frames, height, width), padding=around, bias=norm == "none"
                )
            ]
            if norm != "none":
                layers.append(
                    nn.BatchNorm3d(channels_out) if norm == "batch" else nn.GroupNorm(1, channels_out)
                )
            layers.append(ACTIVATIONS[activation]())
            stages.append(Stage(*layers))
        self.stages = nn.Sequential(*stages)
        self.squeeze = squeeze
        self.stack = stack

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the features [B, F, T', H', W'], or [B, F, H', W'] with `squeeze`."""
        features = []
        for stage in self.stages:
            if lengths is None:
                x = stage(x)
            else:
                frames, x = x.shape[2], stage(x, lengths)
                lengths = lengths - (frames - x.shape[2])
            features.append(x)
        if self.stack:
            x = torch.cat([_cut(stage_output, x) for stage_output in features], 1)
        return x.squeeze(2) if self.squeeze else x


class Stage(nn.Sequential):
    """Convolution, norm, activation: one module, which shards are gathered for.

    Input x[B, C, T, H, W], output [B, C', T', H', W']; if `lengths` [B] are given, norms see those frames.
    """

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Apply the layers to x [B, C, T, H, W]; return [B, C', T', H', W']."""
        if lengths is None:
            output: Tensor = super().forward(x)
            return output
        for layer in self:
            if isinstance(layer, nn.BatchNorm3d):
                x = padding.batch_norm(layer, x, lengths)
            elif isinstance(layer, nn.GroupNorm):
                x = padding.group_norm(layer, x, lengths)
            else:
                frames = x.shape[2]
                x = layer(x)
                lengths = lengths - (frames - x.shape[2])
        return x


def _cut(x: Tensor, like: Tensor) -> Tensor:
    """Return the latest frames and the middle places of `x`, as many as `like` has."""
    frames, height, width = like.shape[2:]
    down, across = (x.shape[3] - height) // 2, (x.shape[4] - width) // 2
    return x[:, :, x.shape[2] - frames :, down : down + height, across : across + width]
