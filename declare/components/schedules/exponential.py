"""`exponential`: the same ratio from each step to the next."""

from typing import ClassVar

from pydantic import Field as Param

from declare.contract.kinds.schedule import Schedule


class Exponential(Schedule):
    """Falls by the same ratio from each step to the next, to `final` times the base rate at the last step.

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

    final: float = Param(0.01, gt=0, le=1, description="share of the base rate at the end")

    def multiplier(self, step: int, total: int) -> float:
        """Return the factor of the base rate at `step` of `total` (warm-up left out)."""
        return float(self.final ** min(step / max(total - 1, 1), 1.0))
