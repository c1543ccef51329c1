"""`masked_mse`: the squared error of masked elements."""

from typing import ClassVar

from declare.contract.kinds.loss import Loss
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction
from declare.contract.torch_types import SummedLoss


class MaskedMse(Loss):
    """Mean squared error over the elements that the task masked.

    Takes reconstructions and targets of the field's shape; visible and missing elements are ignored. Source:
    He et al. 2022, https://arxiv.org/abs/2111.06377.

    ```yaml
    tasks:
      mem: {type: reconstruction, dataset: tuh, target: eeg, loss: masked_mse}
    ```
    """

    takes: ClassVar[frozenset[Prediction]] = frozenset({"reconstruction"})

    def build(self, target: Target) -> SummedLoss:
        """Return the loss as a torch module."""
        from declare.nn.losses.elementwise import SquaredError

        return SquaredError(may_miss=True)
