"""`constant`: the same learning rate at every step."""

from typing import ClassVar

from declare.contract.kinds.schedule import Schedule


class Constant(Schedule):
    """The base learning rate at every step after the warm-up. Source: any textbook.

    ```yaml
    phases:
      fit:
        epochs: 10
        batch_size: 64
        optimizer: {type: adamw, lr: 1e-3}
        schedule: {type: constant, warmup: 5%}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = (
        "ConstantLR",
        "constant_with_warmup",
        "none",
        "WarmupLR",
        "warmup",
    )

    def multiplier(self, step: int, total: int) -> float:
        """Return the factor of the base learning rate at `step` of `total`, both without the warm-up."""
        return 1.0
