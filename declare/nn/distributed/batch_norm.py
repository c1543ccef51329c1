"""Batch norm over the batch of all processes, on any device."""

from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn.modules._functions import SyncBatchNorm
from torch.nn.modules.batchnorm import _BatchNorm

from declare.nn.distributed.process_group import ProcessGroup

_SIGNATURE = signature(nn.functional.batch_norm)


def batch_norms(root: nn.Module) -> list[str]:
    """Return the names of the batch norms under `root`."""
    return [name for name, module in root.named_modules() if isinstance(module, _BatchNorm)]


def synchronise(root: nn.Module, world: ProcessGroup) -> None:
    """Let every batch norm under `root` normalise by the statistics of the whole batch.

    torch's own `SyncBatchNorm` needs a GPU and drops what libraries add to the layer (an activation); here the
    layers stay what they are. Statistics are those of one process with the same batch, up to rounding.
    """
    for name in batch_norms(root) if world.size > 1 else ():
        module = root.get_submodule(name)
        module.forward = _SyncedForward(module, type(module).forward, world)


class _SyncedForward:
    """A layer's forward with the library's `batch_norm` replaced by one over all processes."""

    def __init__(self, module: nn.Module, forward: Any, world: ProcessGroup) -> None:
        self._module, self._forward, self._world = module, forward, world

    def __call__(self, *arguments: Any) -> Any:
        if not self._module.training or self._world.in_no_sync:
            return self._forward(self._module, *arguments)
        with _SyncedBatchNorm():
            return self._forward(self._module, *arguments)


class _SyncedBatchNorm(torch.overrides.TorchFunctionMode):
    """While inside, `torch.nn.functional.batch_norm` takes its statistics from all processes."""

    def __torch_function__(self, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
        if function is not nn.functional.batch_norm:
            return function(*arguments, **(keywords or {}))
        return batch_norm(*arguments, **(keywords or {}))


def batch_norm(values: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
    """Return values [N, C, ...] normalised by mean and variance over the rows and places of all processes.

    Called as `torch.nn.functional.batch_norm` is; what is not in training is left to it.
    """
    bound = _SIGNATURE.bind(values, *arguments, **keywords)
    bound.apply_defaults()
    _, mean, variance, weight, bias, training, momentum, eps = bound.args
    if not training:
        return nn.functional.batch_norm(values, *bound.args[1:])
    if values.is_cuda and weight is not None:
        size = dist.get_world_size()
        normalised: Tensor = SyncBatchNorm.apply(
            values, weight, bias, mean, variance, eps, momentum, dist.group.WORLD, size
        )
        return normalised
    return _plain_batch_norm(values, (mean, variance), (weight, bias), momentum, eps)


def _plain_batch_norm(
    values: Tensor,
    running: tuple[Tensor | None, Tensor | None],
    affine: tuple[Tensor | None, Tensor | None],
    momentum: float,
    eps: float,
) -> Tensor:
    """Return `batch_norm` of plain operations, for devices that torch has no kernel for."""
    axes = [0, *range(2, values.dim())]
    shape = [1, -1, *[1] * (values.dim() - 2)]
    exact = values.to(torch.promote_types(values.dtype, torch.float32))
    count = exact.new_tensor([float(values.numel() // values.shape[1])])
    sums: Tensor = _AllReduceSum.apply(torch.cat([exact.sum(axes), count]))
    total = sums[-1]
    mean = sums[:-1] / total
    centred = exact - mean.view(shape)
    variance: Tensor = _AllReduceSum.apply(centred.square().sum(axes)) / total
    with torch.no_grad():
        unbiased = variance * (total / (total - 1).clamp_min(1))
        for statistic, value in zip(running, (mean, unbiased), strict=True):
            if statistic is not None:
                statistic.lerp_(value.to(statistic.dtype), momentum)
    normalised = centred * (variance + eps).rsqrt().view(shape)
    weight, bias = affine
    if weight is not None and bias is not None:
        normalised = normalised * weight.view(shape) + bias.view(shape)
    return normalised.to(values.dtype)


class _AllReduceSum(torch.autograd.Function):
    """The sum over processes; the gradient of each part is the sum of all processes' gradients."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:  # noqa: ARG004 - torch's signature
        total = values.contiguous().clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ARG004
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total
