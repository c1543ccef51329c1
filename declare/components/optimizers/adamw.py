"""`adamw`: Adam with weight decay apart from the gradient."""

from typing import ClassVar

from pydantic import Field as Param

from declare.components.optimizers._update import AdamFamily


class AdamW(AdamFamily):
    """Adam with decoupled weight decay; by default 0.01.

    Norms, biases and other parameters of one axis are not decayed unless `decay_norm_and_bias` is set or a
    group states a `weight_decay` of its own. Source: Loshchilov and Hutter 2019,
    https://arxiv.org/abs/1711.05101; torch.optim.AdamW.

    ```yaml
    phases:
      fit: {epochs: 5, batch_size: 64, optimizer: {type: adamw, lr: 1e-3, weight_decay: 0.05}}
    ```
    """

    rule: ClassVar[str] = "AdamW"

    weight_decay: float = Param(0.01, ge=0, le=1e3, description="how strongly weights are drawn to zero")
