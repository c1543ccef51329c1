"""`rmsprop`: steps scaled by a running mean of squared gradients."""

from typing import Any, ClassVar

from pydantic import Field as Param

from declare.components.optimizers._update import Decaying, torch_code
from declare.contract.code import Code
from declare.contract.torch_types import TorchOptimizer


class RmsProp(Decaying):
    """Gradients divided by the root of a running mean of their squares; `weight_decay` is added to the gradient.

    Norms, biases and other parameters of one axis are not decayed unless `decay_norm_and_bias` is set or a
    group states its own `weight_decay`. Source: Hinton 2012 (lecture 6e); torch.optim.RMSprop.

    ```yaml
    phases:
      fit: {epochs: 5, batch_size: 64, optimizer: {type: rmsprop, lr: 1e-3}}
    ```
    """

    num_states: ClassVar[int | None] = 1

    alpha: float = Param(0.99, ge=0, lt=1, description="decay rate of the running mean of squares")
    momentum: float = Param(
        0.0, ge=0, lt=1, description="momentum: fraction of the last step that is added to the next"
    )
    eps: float = Param(1e-8, gt=0, le=1e6, description="added to the denominator for numerical stability")
    centered: bool = Param(
        False, description="divide by the standard deviation of the gradient instead of its root mean square"
    )

    def code(self, groups: str) -> Code:
        """Return the code of torch's optimizer."""
        return torch_code(self, "RMSprop", groups, {})

    def build(self, groups: list[dict[str, Any]]) -> TorchOptimizer:
        """Return torch's optimizer, fused if the device supports it."""
        import torch

        return torch.optim.RMSprop(
            groups,
            lr=self.lr,
            alpha=self.alpha,
            eps=self.eps,
            momentum=self.momentum,
            centered=self.centered,
            weight_decay=self.weight_decay,
        )
