"""Values in their own units, learned in standard units. Shapes: B batch, W width, T time."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from declare.nn.precision import widest
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
        self._units = Units(self._mean, self._std) if len(self._mean) > 1 else None

    def target(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return standardised targets [B, ...], NaN where the loss leaves them out."""
        target = super().target(batch)
        if self._units is not None:
            target = self._units(target)
        elif not self._plain:
            target = (target - self._mean[0]) * (1 / self._std[0])
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
            value = value * value.new_tensor(self._std) + value.new_tensor(self._mean)
        return value if self._undo is None else self._undo(value)


class Units:
    """Standard units of each output [W], in the precision of the values."""

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        self._mean, self._scale = tuple(mean), tuple(1 / value for value in std)
        self._made: dict[tuple[torch.device, torch.dtype], tuple[Tensor, Tensor]] = {}

    def __call__(self, values: Tensor) -> Tensor:
        """Return (values - mean) / std for values [..., W]."""
        place = (values.device, values.dtype)
        if place not in self._made:
            self._made[place] = (values.new_tensor(self._mean), values.new_tensor(self._scale))
        mean, scale = self._made[place]
        return (values - mean) * scale
