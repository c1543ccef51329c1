"""Making an optimizer's update cheap: for a small model its bookkeeping costs more than its kernel.

torch's fused Adam sorts, groups and counts its parameters again in every step. Here that is done once, and
then the same kernel is called with the same numbers: the result is the same to the bit.
"""

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


def is_plain_fused(optimizer: torch.optim.Optimizer) -> bool:
    """Whether `DirectAdam` can make the steps of `optimizer`."""
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
class _AdamGroup:
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
        self._groups: list[_AdamGroup] | None = None
        self._without_gradient: list[Tensor] = []

    def __call__(self) -> None:
        """Update the parameters that have gradients."""
        groups = self._groups
        if groups is None:
            self._step_and_prepare()
            return
        gradients = [[item.grad for item in members.parameters] for members in groups]
        for grads in gradients:
            for grad in grads:
                if grad is None:  # something was frozen
                    self._step_and_prepare()
                    return
        for item in self._without_gradient:
            if item.grad is not None:  # something thawed
                self._step_and_prepare()
                return
        with torch.no_grad():
            for members, grads in zip(groups, gradients, strict=True):
                group = members.group
                members.count += 1
                self._kernel(
                    members.parameters,
                    grads,
                    members.means,
                    members.squares,
                    [],
                    members.counts,
                    amsgrad=False,
                    lr=group["lr"],
                    beta1=group["betas"][0],
                    beta2=group["betas"][1],
                    weight_decay=group["weight_decay"],
                    eps=group["eps"],
                    maximize=False,
                )

    def _step_and_prepare(self) -> None:
        """Let the optimizer make this step itself, then sort its state into groups."""
        self._separate()
        self._optimizer.step()
        self._groups, self._without_gradient = [], []
        for group in self._optimizer.param_groups:
            active = [item for item in group["params"] if item.grad is not None]
            self._without_gradient += [item for item in group["params"] if item.grad is None]
            counts = {float(self._optimizer.state[item]["step"]) for item in active}
            self._groups += [self._make_group(group, active, count) for count in sorted(counts)]

    def _make_group(self, group: dict[str, Any], active: list[Tensor], count: float) -> _AdamGroup:
        state = self._optimizer.state
        members = [item for item in active if float(state[item]["step"]) == count]
        step = state[members[0]]["step"]
        for item in members:
            state[item]["step"] = step
        means = [state[item]["exp_avg"] for item in members]
        squares = [state[item]["exp_avg_sq"] for item in members]
        return _AdamGroup(group, members, means, squares, step, [step] * len(members))

    def _separate(self) -> None:
        """Give every parameter a separate step counter again, as the optimizer expects it."""
        for state in self._optimizer.state.values():
            if "step" in state:
                state["step"] = state["step"].clone()
