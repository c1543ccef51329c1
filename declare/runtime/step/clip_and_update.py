"""The end of a step: gradients are clipped at their true size, then the optimizer changes the weights."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from declare.nn.distributed.dtensor import clip_norm, split_by_sharding
from declare.runtime.machine.precision import Scaler
from declare.runtime.step.fused_adam import DirectAdam, is_plain_fused


def make_clip(
    block: dict[str, Any] | None,
    parameters: Sequence[Tensor],
    optimizer: torch.optim.Optimizer,
    scaler: Scaler | None,
) -> Callable[[], None]:
    """Return what clips gradients by `value` and `norm` of `block`; does nothing without one."""
    if block is None:
        return lambda: None
    norm, value = block.get("norm"), block.get("value")
    clip_grad_norm = clip_norm if len(split_by_sharding(parameters)) > 1 else nn.utils.clip_grad_norm_

    def clip() -> None:
        if not _has_gradients(parameters):
            return  # all that the losses depend on is frozen
        if scaler is not None:
            scaler.unscale_(optimizer)
        if value is not None:
            nn.utils.clip_grad_value_(parameters, value)
        if norm is not None:
            clip_grad_norm(parameters, norm)

    return clip


def make_optimizer_step(
    optimizer: torch.optim.Optimizer, parameters: Sequence[Tensor], scaler: Scaler | None
) -> Callable[[], object]:
    """Return what makes the optimizer's step; with a scaler, only if all gradients are finite."""
    if scaler is None:
        return DirectAdam(optimizer) if is_plain_fused(optimizer) else optimizer.step

    def step() -> None:
        if _has_gradients(parameters):
            scaler.step(optimizer)
            scaler.update()

    return step


def _has_gradients(parameters: Sequence[Tensor]) -> bool:
    return any(item.grad is not None for item in parameters)
