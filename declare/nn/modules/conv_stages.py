"""Layers of convolutional stages over series and images. Shapes: B batch, C channels, T time, H height, W width."""

from collections.abc import Callable

from torch import nn

from declare.nn.modules.activations import ACTIVATIONS

_CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d}
_BATCH_NORMS = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d}
_POOLS: dict[tuple[int, str], Callable[[], nn.Module]] = {
    (1, "mean"): lambda: nn.AdaptiveAvgPool1d(1),
    (2, "mean"): lambda: nn.AdaptiveAvgPool2d(1),
    (1, "max"): lambda: nn.AdaptiveMaxPool1d(1),
    (2, "max"): lambda: nn.AdaptiveMaxPool2d(1),
}
_DOWNSAMPLES: dict[tuple[int, str], Callable[[int], nn.Module]] = {
    (1, "max"): nn.MaxPool1d,
    (2, "max"): nn.MaxPool2d,
    (1, "mean"): nn.AvgPool1d,
    (2, "mean"): nn.AvgPool2d,
}


def stage_layers(
    channels: tuple[int, int], *, num_axes: int, kernel: int, norm: str, activation: str, downsample: str
) -> list[nn.Module]:
    """Return the layers of one stage: halving where asked for, convolution, norm and activation.

    With `channels` (before, after) they map x[B, before, T] to [B, after, T'] (`num_axes` 1), or x[B, before, H, W]
    to [B, after, H', W'] (2).
    """
    before, after = channels
    halve = _DOWNSAMPLES.get((num_axes, downsample))
    layers: list[nn.Module] = [halve(2)] if halve is not None else []
    stride = 2 if downsample == "stride" else 1
    convolution = _CONVOLUTIONS[num_axes]
    layers.append(convolution(before, after, kernel, stride, padding=kernel // 2, bias=norm == "none"))
    if norm != "none":
        layers.append(_BATCH_NORMS[num_axes](after) if norm == "batch" else nn.GroupNorm(1, after))
    layers.append(ACTIVATIONS[activation]())
    return layers


def global_pool(num_axes: int, pool: str) -> nn.Module:
    """Return the module that reduces the axes of a map to one place, or keeps them (`flatten`)."""
    return nn.Identity() if pool == "flatten" else _POOLS[num_axes, pool]()
