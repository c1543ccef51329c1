"""`adamw`: Adam with decoupled weight decay."""

from typing import ClassVar

from pydantic import Field as Param

from declare.components.optimizers._update import AdamFamily


class AdamW(AdamFamily):
    """Adam with decoupled weight decay, 0.01 by default.

    Norms, biases and other parameters of one axis are not decayed unless `decay_norm_and_bias` is set or a
    group states its own `weight_decay`. Source: Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101;
    torch.optim.AdamW.

    ```yaml
    phases:
      fit: {epochs: 5, batch_size: 64, optimizer: {type: adamw, lr: 1e-3, weight_decay: 0.05}}
    ```
    """

    rule: ClassVar[str] = "AdamW"

    weight_decay: float = Param(
        0.01,
        ge=0,
        le=1e3,
        description="decoupled weight decay: each step multiplies weights by 1 - lr * weight_decay",
    )
