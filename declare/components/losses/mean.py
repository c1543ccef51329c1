"""`mean`: the mean of a module's own loss output."""

from typing import ClassVar

from declare.contract.kinds.loss import Loss
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction
from declare.contract.torch_types import SummedLoss


class Mean(Loss):
    """The mean over samples of a module's own loss output.

    Takes a loss for each sample [B]. Source: none; it is a mean.

    ```yaml
    tasks:
      surprise: {type: auxiliary, input: state.prediction_error, loss: mean}
    ```
    """

    takes: ClassVar[frozenset[Prediction]] = frozenset({"cost"})

    def build(self, target: Target) -> SummedLoss:
        """Return the loss as a torch module."""
        from declare.nn.losses.mean import Mean as Real

        return Real()
