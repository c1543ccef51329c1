"""`l1`: the sum of absolute values."""

from declare.contract.kinds.regularizer import Regularizer
from declare.contract.torch_types import TorchModule


class L1(Regularizer):
    """Sum of the absolute values of the matching parameters: drives single weights to zero.

    Added to the loss, so that the gradient goes through the optimizer; weights approach zero but rarely reach
    it exactly. Source: Tibshirani 1996.

    ```yaml
    phases:
      fit:
        epochs: 5
        batch_size: 64
        optimizer: {type: adamw, lr: 1e-3}
        regularizers: [{type: l1, match: heads.*.weight, weight: 1e-4}]
    ```
    """

    def build(self) -> TorchModule:
        """Return the penalty."""
        from declare.nn.regularizers import penalties

        return penalties.L1()
