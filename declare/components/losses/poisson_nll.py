"""`poisson_nll`: the negative log likelihood of counts."""

from typing import ClassVar

from declare.contract.kinds.loss import Loss
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction
from declare.contract.torch_types import SummedLoss


class PoissonNll(Loss):
    """Negative log likelihood of counts under Poisson distributions, in nats per count.

    Takes rates [B, units] and counts of the same shape; NaN and masked counts are ignored. It is the mean of
    rate - count * log(rate) over the others; log(count!) is omitted, so the value may be negative. Source:
    McCullagh and Nelder 1989; Paninski 2004 for neurons.

    ```yaml
    tasks:
      response: {type: counts, dataset: monday, target: spikes, loss: poisson_nll}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("PoissonNLLLoss", "poisson")

    takes: ClassVar[frozenset[Prediction]] = frozenset({"rates"})

    def build(self, target: Target) -> SummedLoss:
        """Return the loss as a torch module."""
        from declare.nn.losses.poisson import PoissonNLL

        return PoissonNLL(target.mean or (), target.link or "")
