"""What optimizers share: weight decay that excludes norms and biases, and torch's fused kernels."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field as Param

from declare.contract.code import Code
from declare.contract.kinds.optimizer import Optimizer
from declare.contract.torch_types import TorchOptimizer


class Decaying(Optimizer):
    """An optimizer with weight decay."""

    weight_decay: float = Param(
        0.0, ge=0, le=1e3, description="weight decay, the coefficient of an L2 penalty"
    )
    decay_norm_and_bias: bool = Param(
        False, description="also decay norms, biases and other parameters of one axis"
    )


class AdamFamily(Decaying):
    """An optimizer of the Adam family."""

    num_states: ClassVar[int | None] = 2
    rule: ClassVar[str]
    """The class of `torch.optim`."""

    betas: list[Annotated[float, Param(ge=0, lt=1)]] = Param(
        [0.9, 0.999],
        min_length=2,
        max_length=2,
        description="decay rates of the running means of the gradient and of its square",
    )
    eps: float = Param(1e-8, gt=0, le=1e6, description="added to the denominator for numerical stability")
    amsgrad: bool = Param(False, description="never let the running mean of squares decrease (AMSGrad)")

    def code(self, groups: str) -> Code:
        """Return the code of torch's optimizer."""
        return torch_code(self, self.rule, groups, {"fused": True})

    def build(self, groups: list[dict[str, Any]]) -> TorchOptimizer:
        """Return torch's optimizer, fused if the device supports it."""
        import torch

        optimizer: TorchOptimizer = getattr(torch.optim, self.rule)(
            groups,
            lr=self.lr,
            betas=(self.betas[0], self.betas[1]),
            eps=self.eps,
            weight_decay=self.weight_decay,
            amsgrad=self.amsgrad,
            fused=use_fused(groups, in_shares=True),
        )
        return optimizer


def torch_code(optimizer: Optimizer, name: str, groups: str, more: Mapping[str, object]) -> Code:
    """Return the code of an optimizer of torch: parameters that are not defaults, and `more` arguments.

    Weight decay is in the groups.
    """
    fields = type(optimizer).model_fields
    apart = {"lr", "groups", "weight_decay", "decay_norm_and_bias"}
    stated: dict[str, object] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in optimizer
        if key not in apart and value != fields[key].default
    }
    stated = {"lr": optimizer.lr, **stated, **more}
    arguments = ", ".join(f"{key}={value!r}" for key, value in stated.items())
    return Code(f"torch.optim.{name}({groups}, {arguments})")


def use_fused(groups: list[dict[str, Any]], *, in_shares: bool = False) -> bool | None:
    """Return True if torch has a fused kernel for all parameters, else None (torch's own choice).

    `in_shares`: whether the kernel also takes sharded parameters (DTensor).
    """
    if not in_shares and are_sharded(groups):
        return None
    floating = all(item.is_floating_point() for group in groups for item in group["params"])
    kinds = devices(groups)
    return True if floating and len(kinds) == 1 and kinds <= {"cpu", "cuda", "mps"} else None


def are_sharded(groups: list[dict[str, Any]]) -> bool:
    """Return whether the parameters are sharded over processes."""
    from declare.nn.distributed.dtensor import is_sharded

    return any(is_sharded(item) for group in groups for item in group["params"])


def devices(groups: list[dict[str, Any]]) -> set[str]:
    """Return the device types of the parameters."""
    return {item.device.type for group in groups for item in group["params"]}
