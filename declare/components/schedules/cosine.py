"""`cosine`: half a cosine from the base learning rate down to `final` of it."""

import math
from typing import ClassVar

from pydantic import Field as Param

from declare.contract.kinds.schedule import Schedule


class Cosine(Schedule):
    """Half a cosine from the base learning rate down to `final` times the base rate at the last step.

    Source: Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983 (without restarts).

    ```yaml
    phases:
      fit:
        epochs: 10
        batch_size: 64
        optimizer: {type: adamw, lr: 1e-3}
        schedule: {type: cosine, warmup: 10%}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = (
        "CosineAnnealingLR",
        "cosine_annealing",
        "cosine_with_warmup",
        "cosine_schedule",
        "CosineLRScheduler",
        "cosine_decay",
        "LambdaLR",
        "tanh",
        "cosine_with_restarts",
        "CosineAnnealingWarmRestarts",
        "linear_warmup_cosine_decay",
        "cosine_restarts",
    )

    final: float = Param(0.0, ge=0, le=1, description="fraction of the base learning rate at the last step")

    def multiplier(self, step: int, total: int) -> float:
        """Return the factor of the base learning rate at `step` of `total`, both without the warm-up."""
        done = min(step / max(total - 1, 1), 1.0)
        return self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * done))
