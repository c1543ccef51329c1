"""Leaving padding out: the steps beyond the end of samples that are shorter than others of their batch.

Shapes: B batch, T steps, C channels, F features, N real steps of all samples, ... any further axes. `lengths` [B] are
the steps of each sample, at least 1.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


def real_steps(lengths: Tensor, steps: int) -> Tensor:
    """Return which of `steps` steps are real [B, T]."""
    return torch.arange(steps, device=lengths.device) < lengths.unsqueeze(1)


def fill_padding(x: Tensor, lengths: Tensor, axis: int = 2, value: float = 0.0) -> Tensor:
    """Return x[B, ...] with `value` beyond the end of each sample; `axis` is that of the steps."""
    return x.masked_fill(~_broadcast_mask(real_steps(lengths, x.shape[axis]), x, axis), value)


def mean_over(x: Tensor, lengths: Tensor, axis: int = 2) -> Tensor:
    """Return the mean of x[B, ...] over the real steps along `axis`, without that axis."""
    total = fill_padding(x, lengths, axis).sum(axis)
    return total / lengths.to(total.dtype).view(-1, *[1] * (total.dim() - 1))


def max_over(x: Tensor, lengths: Tensor, axis: int = 2) -> Tensor:
    """Return the greatest of x[B, ...] over the real steps along `axis`, without that axis."""
    return fill_padding(x, lengths, axis, -torch.inf).amax(axis)


def batch_norm(layer: nn.Module, x: Tensor, lengths: Tensor) -> Tensor:
    """Return x[B, C, T, ...] after a batch norm whose statistics are those of the real steps, one after another."""
    if not layer.training:
        return layer(x)
    is_real = real_steps(lengths, x.shape[2])
    if _is_shared(layer):
        steps_first = x.transpose(1, 2)
        return _apply_to_real_steps(layer, steps_first.unsqueeze(3), is_real).squeeze(3).transpose(1, 2)
    return _masked_batch_norm(layer, x, _broadcast_mask(is_real, x, 2), 1)


def step_norm(layer: nn.Module, x: Tensor, lengths: Tensor) -> Tensor:
    """Return x[B, T, F] after a batch norm of its last axis, as `batch_norm` does."""
    if not layer.training:
        return layer(x)
    is_real = real_steps(lengths, x.shape[1])
    return (
        _apply_to_real_steps(layer, x, is_real)
        if _is_shared(layer)
        else _masked_batch_norm(layer, x, is_real.unsqueeze(2), 2)
    )


def _is_shared(layer: nn.Module) -> bool:
    """Return whether several processes compute the statistics of a layer together, with its own forward."""
    return "forward" in vars(layer)


def _apply_to_real_steps(layer: nn.Module, x: Tensor, is_real: Tensor) -> Tensor:
    """Return x[B, T, ...] with the real steps [N, ...] through a layer, zeros elsewhere."""
    outputs = layer(x[is_real])
    output = torch.zeros(x.shape, dtype=outputs.dtype, device=x.device)
    output[is_real] = outputs
    return output


def _masked_batch_norm(layer: Any, x: Tensor, is_real: Tensor, channels: int) -> Tensor:
    """Return x after a batch norm over what `real` shows, in fixed shapes; `channels` is their axis."""
    axes = [axis for axis in range(x.dim()) if axis != channels]
    form = [-1 if axis == channels else 1 for axis in range(x.dim())]
    wide, is_padding = x.float(), ~is_real
    number = is_real.sum() * (x.numel() // (is_real.numel() * x.shape[channels]))
    mean = wide.masked_fill(is_padding, 0.0).sum(axes) / number
    centred = (wide - mean.view(form)).masked_fill(is_padding, 0.0)
    variance = centred.square().sum(axes) / number
    with torch.no_grad():
        unbiased = variance * (number / (number - 1).clamp_min(1))
        layer.running_mean.lerp_(mean, layer.momentum)
        layer.running_var.lerp_(unbiased, layer.momentum)
        layer.num_batches_tracked.add_(1)
    output = centred * (variance + layer.eps).rsqrt().view(form)
    return (output * layer.weight.view(form) + layer.bias.view(form)).to(x.dtype)


def group_norm(layer: nn.GroupNorm, x: Tensor, lengths: Tensor) -> Tensor:
    """Return x[B, C, T, ...] after a norm over all channels and real steps of each sample; padding becomes zero."""
    wide = x.float()
    axes = tuple(range(1, x.dim()))
    number = (lengths * (wide[0].numel() // x.shape[2])).float().view(-1, *[1] * (x.dim() - 1))
    mean = fill_padding(wide, lengths).sum(axes, keepdim=True) / number
    centred = fill_padding(wide - mean, lengths)
    output = centred * (centred.square().sum(axes, keepdim=True) / number + layer.eps).rsqrt()
    per_channel = (1, -1, *[1] * (x.dim() - 2))
    return fill_padding(output * layer.weight.view(per_channel) + layer.bias.view(per_channel), lengths)


def downsample_pairs(x: Tensor, lengths: Tensor, mode: str) -> tuple[Tensor, Tensor]:
    """Return x[B, C, T] with every two steps merged, and its lengths; a single step is kept.

    `mode` is `max` or `mean`.
    """
    # Not the larger of two sizes: torch.compile knows no order of such strides.
    odd = functional.pad(x, (0, 1)) if x.shape[2] < 2 else x
    if mode == "max":
        pooled = functional.max_pool1d(fill_padding(odd, lengths, value=-torch.inf), 2)
    else:
        number = functional.avg_pool1d(real_steps(lengths, odd.shape[2]).to(x.dtype), 2).clamp_min(0.5)
        pooled = functional.avg_pool1d(fill_padding(odd, lengths), 2) / number.unsqueeze(1)
    after = lengths // 2 + (lengths == 1)
    return fill_padding(pooled, after), after


def _broadcast_mask(mask: Tensor, x: Tensor, axis: int) -> Tensor:
    """Return a mask [B, T] in a shape that broadcasts against x, whose steps are along `axis`."""
    return mask.view(len(mask), *[1] * (axis - 1), -1, *[1] * (x.dim() - axis - 1))
