"""`l2`: the sum of squares."""

from declare.contract.kinds.regularizer import Regularizer
from declare.contract.torch_types import TorchModule


class L2(Regularizer):
    """Sum of the squares of the matching parameters: shrinks all weights.

    Added to the loss; `weight_decay` of `adamw` is the decoupled form. Source: Hoerl and Kennard 1970.

    ```yaml
    phases:
      fit:
        epochs: 5
        batch_size: 64
        optimizer: {type: adamw, lr: 1e-3}
        regularizers: [{type: l2, match: encoder.*.weight, weight: 1e-3}]
    ```
    """

    def build(self) -> TorchModule:
        """Return the penalty."""
        from declare.nn.regularizers import penalties

        return penalties.L2()
