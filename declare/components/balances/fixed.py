"""`fixed`: the weights that the spec states."""

from typing import ClassVar

from declare.contract.kinds.balance import Balance


class Fixed(Balance):
    """Adds the losses with the weights of their tasks and of the phase. Source: any textbook.

    ```yaml
    phases:
      fit:
        tasks: {digit: 1, age: 0.1}
        balance: fixed
        epochs: 5
        batch_size: 64
        optimizer: {type: adamw, lr: 1e-3}
    ```
    """

    is_plain_sum: ClassVar[bool] = True
