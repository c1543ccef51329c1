"""`polynomial`: a power of the remaining fraction of the phase."""

from typing import ClassVar

from pydantic import Field as Param

from declare.contract.kinds.schedule import Schedule


class Polynomial(Schedule):
    """Falls as (1 - progress)^power from the base learning rate to `final` times it at the last step.

    Source: Chen et al. 2017 (DeepLab), https://arxiv.org/abs/1606.00915.

    ```yaml
    phases:
      fit:
        epochs: 10
        batch_size: 64
        optimizer: {type: adamw, lr: 1e-3}
        schedule: {type: polynomial, power: 0.9}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("PolynomialLR", "PolyLR", "poly", "inverse_sqrt")

    final: float = Param(0.0, ge=0, le=1, description="fraction of the base learning rate at the last step")
    power: float = Param(0.9, gt=0, le=1e3, description="exponent; 1 is linear, higher values fall sooner")

    def multiplier(self, step: int, total: int) -> float:
        """Return the factor of the base learning rate at `step` of `total`, both without the warm-up."""
        rest = 1 - min(step / max(total - 1, 1), 1.0)
        return float(self.final + (1 - self.final) * rest**self.power)
