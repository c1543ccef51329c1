"""`adagrad`: steps scaled by the sum of all squared gradients."""

from typing import Any, ClassVar

from pydantic import Field as Param

from declare.components.optimizers._update import Decaying, devices, torch_code, use_fused
from declare.contract.code import Code
from declare.contract.torch_types import TorchOptimizer


class Adagrad(Decaying):
    """Gradients divided by the root of the sum of their squares; `weight_decay` is added to the gradient.

    Norms, biases and other parameters of one axis are not decayed unless `decay_norm_and_bias` is set or a
    group states its own `weight_decay`. Source: Duchi et al. 2011; torch.optim.Adagrad.

    ```yaml
    phases:
      fit: {epochs: 5, batch_size: 64, optimizer: {type: adagrad, lr: 0.01}}
    ```
    """

    num_states: ClassVar[int | None] = 1

    lr_decay: float = Param(
        0.0, ge=0, le=1e6, description="decay of the learning rate per step, besides the schedule"
    )
    eps: float = Param(1e-10, gt=0, le=1e6, description="added to the denominator for numerical stability")

    def code(self, groups: str) -> Code:
        """Return the code of torch's optimizer."""
        return torch_code(self, "Adagrad", groups, {"fused": True})

    def build(self, groups: list[dict[str, Any]]) -> TorchOptimizer:
        """Return torch's optimizer, fused if the device supports it."""
        import torch

        return torch.optim.Adagrad(
            groups,
            lr=self.lr,
            lr_decay=self.lr_decay,
            eps=self.eps,
            weight_decay=self.weight_decay,
            fused=True if use_fused(groups) and devices(groups) == {"cpu"} else None,
        )
