"""`adam`: steps scaled by running means of gradients and their squares."""

from typing import ClassVar

from declare.components.optimizers._update import AdamFamily


class Adam(AdamFamily):
    """Adam; `weight_decay` is added to the gradient (`adamw` has decoupled weight decay).

    Norms, biases and other parameters of one axis are not decayed unless `decay_norm_and_bias` is set or a
    group states its own `weight_decay`. Source: Kingma and Ba 2015, https://arxiv.org/abs/1412.6980;
    torch.optim.Adam.

    ```yaml
    phases:
      fit: {epochs: 5, batch_size: 64, optimizer: {type: adam, lr: 1e-3}}
    ```
    """

    rule: ClassVar[str] = "Adam"
