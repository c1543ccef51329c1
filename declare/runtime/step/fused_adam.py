"""Making an optimizer's update cheap: for a small model its bookkeeping costs more than its kernel.

torch's fused Adam sorts, groups and counts its parameters anew in every step. Here that is done once, and
then the same kernel is called with the same numbers: the result is the same to the bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from declare.nn.distributed.dtensor import is_sharded

_KERNELS: dict[type[torch.optim.Optimizer], Callable[..., None]] = {
    torch.optim.AdamW: torch._fused_adamw_,
    torch.optim.Adam: torch._fused_adam_,
}


def make_update(optimizer: torch.optim.Optimizer) -> Callable[[], object]:
    """Return what makes the update of `optimizer`: its own `step`, or the same in less time."""
    return DirectAdam(optimizer) if _is_plain_fused(optimizer) else optimizer.step


def _is_plain_fused(optimizer: torch.optim.Optimizer) -> bool:
    unusual = ("amsgrad", "maximize", "capturable", "differentiable")
    parameters = [item for group in optimizer.param_groups for item in group["params"]]
    return (
        type(optimizer) in _KERNELS
        and all(
            group.get("fused") and not any(group.get(name) for name in unusual)
            for group in optimizer.param_groups
        )
        and len({(item.device, item.dtype) for item in parameters}) == 1
        and not any(is_sharded(item) for item in parameters)
        and not any(isinstance(group["lr"], Tensor) for group in optimizer.param_groups)
        and "decoupled_weight_decay" in optimizer.param_groups[0]
    )


@dataclass
class _Lane:
    """The parameters of one group that were updated equally often, their moments and their one counter."""

    group: dict[str, Any]
    parameters: list[Tensor]
    means: list[Tensor]
    squares: list[Tensor]
    count: Tensor
    counts: list[Tensor]


class DirectAdam:
    """Calls the fused kernel of Adam or AdamW directly, once the optimizer has made a first step."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self._optimizer = optimizer
        self._kernel = _KERNELS[type(optimizer)]
        if type(optimizer) is torch.optim.Adam and optimizer.param_groups[0]["decoupled_weight_decay"]:
            self._kernel = _KERNELS[torch.optim.AdamW]
        self._lanes: list[_Lane] | None = None
        self._resting: list[Tensor] = []

    def __call__(self) -> None:
        """Update the parameters that have gradients."""
        lanes = self._lanes
        if lanes is None:
            self._step_and_prepare()
            return
        gradients = [[item.grad for item in lane.parameters] for lane in lanes]
        for grads in gradients:
            for grad in grads:
                if grad is None:  # something was frozen
                    self._step_and_prepare()
                    return
        for item in self._resting:
            if item.grad is not None:  # something thawed
                self._step_and_prepare()
                return
        with torch.no_grad():
            for lane, grads in zip(lanes, gradients, strict=True):
                group = lane.group
                lane.count += 1
                self._kernel(
                    lane.parameters,
                    grads,
                    lane.means,
                    lane.squares,
                    [],
                    lane.counts,
                    amsgrad=False,
                    lr=group["lr"],
                    beta1=group["betas"][0],
                    beta2=group["betas"][1],
                    weight_decay=group["weight_decay"],
                    eps=group["eps"],
                    maximize=False,
                )

    def _step_and_prepare(self) -> None:
        """Let the optimizer make this step itself, then sort its state into lanes."""
        self._separate()
        self._optimizer.step()
        self._lanes, self._resting = [], []
        for group in self._optimizer.param_groups:
            active = [item for item in group["params"] if item.grad is not None]
            self._resting += [item for item in group["params"] if item.grad is None]
            counts = {float(self._optimizer.state[item]["step"]) for item in active}
            self._lanes += [self._lane(group, active, count) for count in sorted(counts)]

    def _lane(self, group: dict[str, Any], active: list[Tensor], count: float) -> _Lane:
        state = self._optimizer.state
        members = [item for item in active if float(state[item]["step"]) == count]
        shared = state[members[0]]["step"]
        for item in members:
            state[item]["step"] = shared
        means = [state[item]["exp_avg"] for item in members]
        squares = [state[item]["exp_avg_sq"] for item in members]
        return _Lane(group, members, means, squares, shared, [shared] * len(members))

    def _separate(self) -> None:
        """Give every parameter a counter of its own again, as the optimizer expects it."""
        for state in self._optimizer.state.values():
            if "step" in state:
                state["step"] = state["step"].clone()
