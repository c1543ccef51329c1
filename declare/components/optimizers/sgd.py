"""`sgd`: stochastic gradient descent, with momentum."""

import inspect
from collections.abc import Iterable
from typing import Any, ClassVar

from pydantic import Field as Param

from declare.components.optimizers._update import Decaying, are_sharded, torch_code, use_fused
from declare.contract.code import Code
from declare.contract.problem import Problem
from declare.contract.torch_types import TorchOptimizer


class Sgd(Decaying):
    """Stochastic gradient descent with momentum 0.9 by default; `weight_decay` is added to the gradient.

    Norms, biases and other parameters of one axis are not decayed unless `decay_norm_and_bias` is set or a
    group states its own `weight_decay`. Source: Robbins and Monro 1951, Polyak 1964; torch.optim.SGD.

    ```yaml
    phases:
      fit: {epochs: 5, batch_size: 64, optimizer: {type: sgd, lr: 0.1, momentum: 0.9, weight_decay: 5e-4}}
    ```
    """

    num_states: ClassVar[int | None] = 1
    also_called: ClassVar[tuple[str, ...]] = ("nesterov", "sgd_momentum", "momentum_sgd")

    momentum: float = Param(
        0.9, ge=0, lt=1, description="momentum: fraction of the last step that is added to the next"
    )
    nesterov: bool = Param(False, description="use Nesterov momentum")

    def check(self) -> Iterable[Problem]:
        """Yield a problem if Nesterov momentum is set without momentum."""
        if self.nesterov and not self.momentum:
            yield Problem(
                "PHS631",
                "`nesterov: true` contradicts `momentum: 0`",
                at="nesterov",
                label="Nesterov needs momentum",
                helps=("give it a `momentum` above 0, such as 0.9",),
            )

    def states_per_parameter(self) -> int | None:
        """Return 1 with momentum, else 0."""
        return 1 if self.momentum else 0

    def code(self, groups: str) -> Code:
        """Return the code of torch's optimizer, with zero momentum for what is unfrozen."""
        code = torch_code(self, "SGD", groups, {"momentum": self.momentum, "fused": True})
        if not self.momentum:
            return code
        return code._replace(expression=f"with_momentum({code.expression})", definitions=(_momentum_code(),))

    def build(self, groups: list[dict[str, Any]]) -> TorchOptimizer:
        """Return torch's optimizer, fused if the device supports it."""
        import torch

        optimizer = torch.optim.SGD(
            groups,
            lr=self.lr,
            momentum=self.momentum,
            nesterov=self.nesterov,
            weight_decay=self.weight_decay,
            fused=use_fused(groups),
            foreach=are_sharded(groups) or None,
        )
        return with_momentum(optimizer) if self.momentum else optimizer


def with_momentum(optimizer: TorchOptimizer) -> TorchOptimizer:
    """Set zero momentum for unfrozen parameters: torch's fused kernel needs it for all parameters or for none."""
    import torch

    def fill(*_: object) -> None:
        items = [
            item for group in optimizer.param_groups for item in group["params"] if item.grad is not None
        ]
        for item in items:
            if optimizer.state[item].get("momentum_buffer") is None:
                optimizer.state[item]["momentum_buffer"] = torch.zeros_like(item)

    optimizer.register_step_pre_hook(fill)
    return optimizer


def _momentum_code() -> str:
    """Return the source of `with_momentum` for a file that imports torch itself."""
    source = inspect.getsource(with_momentum).replace("    import torch\n\n", "").rstrip()
    return source.replace("TorchOptimizer", "torch.optim.Optimizer")
