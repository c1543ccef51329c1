"""`one_cycle`: up to the base learning rate and down to almost zero."""

import math
from typing import ClassVar

from pydantic import Field as Param

from declare.contract.kinds.schedule import Schedule


class OneCycle(Schedule):
    """Half a cosine up from lr / `initial` to the base rate, then one down to lr / `initial` / `final`.

    It includes its own warm-up, so `warmup` is rarely needed. Source: Smith and Topin 2018,
    https://arxiv.org/abs/1708.07120; as torch.optim.lr_scheduler.OneCycleLR.

    ```yaml
    phases:
      fit:
        epochs: 10
        batch_size: 64
        optimizer: {type: adamw, lr: 1e-3}
        schedule: {type: one_cycle, rise: 0.3}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("OneCycleLR", "CyclicLR", "triangular", "cyclic")

    rise: float = Param(0.3, gt=0, lt=1, description="fraction of the phase in which the learning rate rises")
    initial: float = Param(
        25.0, ge=1, le=1e9, description="the first learning rate is the base rate divided by this"
    )
    final: float = Param(
        1e4, ge=1, le=1e9, description="the last learning rate is the first rate divided by this"
    )

    def multiplier(self, step: int, total: int) -> float:
        """Return the factor of the base learning rate at `step` of `total`, both without the warm-up."""
        first = 1 / self.initial
        last = first / self.final
        peak = self.rise * total - 1
        if step <= peak:
            return _interpolate(first, 1.0, step / peak if peak > 0 else 1.0)
        return _interpolate(1.0, last, min((step - peak) / max(total - 1 - peak, 1e-9), 1.0))


def _interpolate(start: float, end: float, done: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * done))
