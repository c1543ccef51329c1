"""`linear`: a straight line from the base rate down to `final` of it."""

from typing import ClassVar

from pydantic import Field as Param

from declare.contract.kinds.schedule import Schedule


class Linear(Schedule):
    """Linear from the base learning rate to `final` times it at the last step. Source: any textbook.

    ```yaml
    phases:
      fit:
        epochs: 10
        batch_size: 64
        optimizer: {type: adamw, lr: 1e-3}
        schedule: {type: linear, final: 0.1}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("LinearLR", "linear_with_warmup", "linear_decay")

    final: float = Param(0.0, ge=0, le=1, description="fraction of the base learning rate at the last step")

    def multiplier(self, step: int, total: int) -> float:
        """Return the factor of the base learning rate at `step` of `total`, both without the warm-up."""
        return 1 - (1 - self.final) * min(step / max(total - 1, 1), 1.0)
