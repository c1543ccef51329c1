"""`adam`: steps scaled by running means of gradients and their squares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field as Param

from declare.components.optimizers._update import Decaying, use_fused

if TYPE_CHECKING:
    import torch


class Adam(Decaying):
    """Adam; `weight_decay` is added to the gradient (see `adamw` for the decoupled one).

    Norms, biases and other parameters of one axis are not decayed unless `decay_norm_and_bias` is set or a
    group states a `weight_decay` of its own. Source: Kingma and Ba 2015, https://arxiv.org/abs/1412.6980;
    torch.optim.Adam.

    ```yaml
    phases:
      fit: {epochs: 5, batch_size: 64, optimizer: {type: adam, lr: 1e-3}}
    ```
    """

    num_states: ClassVar[int | None] = 2

    betas: list[Annotated[float, Param(ge=0, lt=1)]] = Param(
        [0.9, 0.999], min_length=2, max_length=2, description="decay of the running mean and of its square"
    )
    eps: float = Param(1e-8, gt=0, le=1e6, description="added to the denominator")
    amsgrad: bool = Param(False, description="never let the running square shrink")

    def build(self, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        """Return torch's optimizer, fused where the device has it."""
        import torch

        return torch.optim.Adam(
            groups,
            lr=self.lr,
            betas=(self.betas[0], self.betas[1]),
            eps=self.eps,
            weight_decay=self.weight_decay,
            amsgrad=self.amsgrad,
            fused=use_fused(groups, in_shares=True),
        )
