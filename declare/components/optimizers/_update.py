"""What optimizers share: weight decay that spares norms and biases, and torch's fused kernels."""

from __future__ import annotations

from typing import Any

from pydantic import Field as Param

from declare.contract.kinds.optimizer import Optimizer


class Decaying(Optimizer):
    """An optimizer with weight decay."""

    weight_decay: float = Param(0.0, ge=0, le=1e3, description="how strongly weights are drawn to zero")
    decay_norm_and_bias: bool = Param(
        False, description="decay norms, biases and other parameters of one axis too"
    )


def use_fused(groups: list[dict[str, Any]], *, in_shares: bool = False) -> bool | None:
    """Return True where torch has a fused kernel for all parameters, else None (torch's own choice).

    `in_shares` where the kernel also takes parameters that processes hold in shares.
    """
    if not in_shares and are_sharded(groups):
        return None
    floating = all(item.is_floating_point() for group in groups for item in group["params"])
    kinds = devices(groups)
    return True if floating and len(kinds) == 1 and kinds <= {"cpu", "cuda", "mps"} else None


def are_sharded(groups: list[dict[str, Any]]) -> bool:
    """Whether processes hold the parameters in shares."""
    from declare.nn.distributed.dtensor import is_sharded

    return any(is_sharded(item) for group in groups for item in group["params"])


def devices(groups: list[dict[str, Any]]) -> set[str]:
    """Return the kinds of devices that the parameters are on."""
    return {item.device.type for group in groups for item in group["params"]}
