"""`mse`: the squared error."""

from typing import ClassVar

from declare.contract.kinds.loss import Loss
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction
from declare.contract.torch_types import SummedLoss


class Mse(Loss):
    """Mean squared error.

    Takes values [B], [B, width] or [B, time, width] and targets of the same shape; NaN targets are ignored.
    The mean is over all other elements. A standardised target is compared in standard units. Source: any
    textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, loss: mse}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("MSELoss", "l2", "mean_squared_error", "l2_loss")

    takes: ClassVar[frozenset[Prediction]] = frozenset({"values"})

    def untrained_loss(self, target: Target) -> float | None:
        """Return the variance of a standardised target, 1; None for other targets."""
        return 1.0 if target.std else None

    def build(self, target: Target) -> SummedLoss:
        """Return the loss as a torch module."""
        from declare.nn.losses.elementwise import SquaredError

        return SquaredError(may_miss=target.may_miss)
