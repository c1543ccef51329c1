"""Values in their own units, learned in standard units. Shapes: B batch, W width."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from declare.nn.tasks.masking import masked


class Regression:
    """Takes outputs and targets of one shape, [B] or [B, W] or [B, T, W]; NaN where a target is missing.

    The loss sees (target - mean) / std; metrics and predictions are in the target's own units.
    """

    module: nn.Module | None = None

    def __init__(self, *, target: str, mask: str | None = None, mean: float = 0.0, std: float = 1.0) -> None:
        self._target = target
        self._mask = mask
        self._mean = mean
        self._std = std
        self._plain = mean == 0.0 and std == 1.0

    def target(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return standardised targets, NaN where the loss leaves them out."""
        target = self._own_units(batch)
        return target if self._plain else (target - self._mean) * (1 / self._std)

    def scores(self, output: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return values and targets in the target's own units; missing targets stay NaN."""
        return self._value(output), self._own_units(batch)

    def predict(self, output: Tensor) -> dict[str, Tensor]:
        """Return `value` in the target's own units."""
        return {"value": self._value(output)}

    def trivial(self, output: Tensor, generator: torch.Generator) -> Tensor | None:
        """Return zeros: the mean, in standard units."""
        return torch.zeros_like(output)

    def _value(self, output: Tensor) -> Tensor:
        # In double precision: a target such as a year has a mean far larger than its spread.
        value = output.float() if output.device.type == "mps" else output.double()
        return value * self._std + self._mean

    def _own_units(self, batch: Mapping[str, Tensor]) -> Tensor:
        target = batch[self._target]
        return target if self._mask is None else masked(target, batch[self._mask])
