"""`mae`: the absolute error."""

from typing import ClassVar

from declare.contract.kinds.loss import Loss
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction
from declare.contract.torch_types import SummedLoss


class Mae(Loss):
    """Mean absolute error, less sensitive to outliers than the squared error.

    Takes values [B], [B, width] or [B, time, width] and targets of the same shape; NaN targets are ignored.
    The mean is over all other elements. A standardised target is compared in standard units. Source: any
    textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, loss: mae}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("L1Loss", "l1", "mean_absolute_error", "l1_loss", "l1_error")

    takes: ClassVar[frozenset[Prediction]] = frozenset({"values"})

    def build(self, target: Target) -> SummedLoss:
        """Return the loss as a torch module."""
        from declare.nn.losses.elementwise import AbsoluteError

        return AbsoluteError(may_miss=target.may_miss)
