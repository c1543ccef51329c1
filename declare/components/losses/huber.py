"""`huber`: squared error near zero, absolute error far from it."""

from typing import ClassVar

from pydantic import Field as Param

from declare.contract.kinds.loss import Loss
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction
from declare.contract.torch_types import SummedLoss


class Huber(Loss):
    """Quadratic for errors up to `delta`, linear beyond.

    Takes values [B], [B, width] or [B, time, width] and targets of the same shape; NaN targets are ignored.
    The mean is over all other elements. `delta` is in the units of the loss: standard deviations for a
    standardised target. Source: Huber 1964.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, loss: {type: huber, delta: 0.5}}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("HuberLoss", "SmoothL1Loss", "smooth_l1", "log_cosh", "logcosh")

    takes: ClassVar[frozenset[Prediction]] = frozenset({"values"})

    delta: float = Param(1.0, gt=0, le=1e12, description="error up to which the loss is quadratic")

    def build(self, target: Target) -> SummedLoss:
        """Return the loss as a torch module."""
        from declare.nn.losses.elementwise import Huber as Real

        return Real(delta=self.delta, may_miss=target.may_miss)
