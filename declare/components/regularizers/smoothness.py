"""`smoothness`: the sum of squared differences between neighbours."""

from pydantic import Field as Param

from declare.contract.kinds.regularizer import Regularizer
from declare.contract.torch_types import TorchModule


class Smoothness(Regularizer):
    """Sum of squared differences between neighbouring weights: makes filters smooth in space or time.

    Along the kernel axes of filters [out, in, ...], the last axis of a matrix, the only axis of a vector.
    `order: 2` is the discrete Laplacian along each axis. Source: Eilers and Marx 1996.

    ```yaml
    phases:
      fit:
        epochs: 5
        batch_size: 64
        optimizer: {type: adamw, lr: 1e-3}
        regularizers: [{type: smoothness, match: encoder.0.weight, weight: 1e-2, order: 2}]
    ```
    """

    order: int = Param(1, ge=1, le=3, description="order of the differences")

    def build(self) -> TorchModule:
        """Return the penalty."""
        from declare.nn.regularizers.penalties import Smoothness as Real

        return Real(self.order)
