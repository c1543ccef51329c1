"""Layers of convolutional stages over series and images. Shapes: B batch, C channels, T time, H height, W width."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from torch import nn

from declare.nn.modules.activation_functions import ACTIVATIONS

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


def stages_of(
    num_axes: int,
    channels: Sequence[int],
    *,
    kernel: int,
    norm: str,
    activation: str,
    downsample: str,
) -> Iterator[tuple[list[nn.Module], str]]:
    """Yield the layers of each stage, and how it halves the map: halving, convolution, norm, activation.

    `channels` are those of the input and of each stage's output. A stage maps x[B, C, T] to [B, C', T'] (`num_axes`
    1), or x[B, C, H, W] to [B, C', H', W'] (2); the first one halves nothing.
    """
    for index, (width, next_width) in enumerate(pairwise(channels)):
        halving = downsample if index else "none"
        halve = _DOWNSAMPLES.get((num_axes, halving))
        layers: list[nn.Module] = [halve(2)] if halve is not None else []
        stride = 2 if halving == "stride" else 1
        convolution = _CONVOLUTIONS[num_axes]
        layers.append(
            convolution(width, next_width, kernel, stride, padding=kernel // 2, bias=norm == "none")
        )
        if norm != "none":
            layers.append(
                _BATCH_NORMS[num_axes](next_width) if norm == "batch" else nn.GroupNorm(1, next_width)
            )
        layers.append(ACTIVATIONS[activation]())
        yield layers, halving


def global_pool(num_axes: int, pool: str) -> nn.Module:
    """Return the module that reduces the axes of a map to one place, or keeps them (`flatten`)."""
    return nn.Identity() if pool == "flatten" else _POOLS[num_axes, pool]()
