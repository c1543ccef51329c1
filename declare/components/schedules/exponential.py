"""`exponential`: a constant ratio between consecutive steps."""

from typing import ClassVar

from pydantic import Field as Param

from declare.contract.kinds.schedule import Schedule


class Exponential(Schedule):
    """Falls by a constant ratio per step, to `final` times the base learning rate at the last step.

    Source: any textbook.

    ```yaml
    phases:
      fit:
        epochs: 10
        batch_size: 64
        optimizer: {type: adamw, lr: 1e-3}
        schedule: {type: exponential, final: 0.01}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("ExponentialLR", "exponential_decay")

    final: float = Param(0.01, gt=0, le=1, description="fraction of the base learning rate at the last step")

    def multiplier(self, step: int, total: int) -> float:
        """Return the factor of the base learning rate at `step` of `total`, both without the warm-up."""
        return float(self.final ** min(step / max(total - 1, 1), 1.0))
