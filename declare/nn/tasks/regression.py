"""Values in their own units, learned in standard units. Shapes: B batch, W width, T time."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from declare.nn.precision import constants, widest
from declare.nn.tasks.masking import MaskedTarget

Undo = Callable[[Tensor], Tensor]


class Regression(MaskedTarget):
    """Takes outputs and targets of one shape, [B] or [B, W] or [B, T, W]; NaN where a target is missing.

    The loss sees (target - mean) / std, with one mean and std for all outputs or for each [W]; metrics and
    predictions are in the units of the data: `undo` takes values [B, ...] back through the transforms of the target.
    `center` is the mean of a target that is learned as it is.
    """

    def __init__(
        self,
        *,
        target: str,
        mask: str | None = None,
        mean: Sequence[float] = (),
        std: Sequence[float] = (),
        center: Sequence[float] = (),
        undo: Undo | None = None,
    ) -> None:
        super().__init__(target, mask)
        self._center = tuple(center)
        self._mean, self._std = tuple(mean) or (0.0,), tuple(std) or (1.0,)
        self._plain = set(self._mean) == {0.0} and set(self._std) == {1.0}
        self._undo = undo
        self._scale = tuple(1 / value for value in self._std)

    def target(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return standardised targets [B, ...], NaN where the loss leaves them out."""
        target = super().target(batch)
        if len(self._mean) > 1:
            target = (target - constants(self._mean, target)) * constants(self._scale, target)
        elif not self._plain:
            target = (target - self._mean[0]) * self._scale[0]
        # What was subtracted in double precision is learned in single.
        return target.float()

    def scores(self, output: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return values and targets [B, ...] in the data's own units; missing targets stay NaN."""
        target = super().target(batch)
        return self._value(output), target if self._undo is None else self._undo(widest(target))

    def predict(self, output: Tensor) -> dict[str, Tensor]:
        """Return `value` [B, ...] in the data's own units."""
        return {"value": self._value(output)}

    def baseline_prediction(
        self, output: Tensor, batch: Mapping[str, Tensor], generator: torch.Generator
    ) -> Tensor | None:
        """Return the mean of each output [B, ...]: zero in standard units."""
        if not self._center:
            return torch.zeros_like(output)
        # In double precision: the mean may be far larger than the spread about it.
        center = torch.tensor(self._center, dtype=widest(output).dtype, device=output.device)
        return center.expand_as(output)

    def _value(self, output: Tensor) -> Tensor:
        # In double precision: a target such as a year has a mean far larger than its spread.
        value = widest(output)
        if len(self._mean) == 1:
            value = value * self._std[0] + self._mean[0]
        else:
            value = value * constants(self._std, value) + constants(self._mean, value)
        return value if self._undo is None else self._undo(value)
