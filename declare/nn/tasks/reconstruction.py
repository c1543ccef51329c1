"""Masked modelling of signals and images. Shapes: B batch, C channels, T time, H height, W width."""

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from declare.nn.modules.padding import fill_padding
from declare.nn.precision import widest
from declare.nn.tasks.masking import mask_target

Fields = Mapping[str, Tensor]


class Reconstruction:
    """Hides blocks of a field [B, C, T] or [B, C, H, W] (channels first), or [B, T, W] and [B, W] (steps first).

    `ratio` of the blocks of `block` positions are hidden, one at least, one shown at least; all channels of a block
    together, or with `per_channel` in separate blocks for each channel. The loss sees NaN where nothing was hidden.
    If samples differ in length, `TARGET.lengths` [B] are beside the field.
    `undo` takes values back through transforms, for metrics.
    """

    module: nn.Module | None = None

    def __init__(
        self,
        *,
        target: str,
        mask: str | None = None,
        ratio: float = 0.5,
        block: int = 1,
        channels_first: bool = True,
        per_channel: bool = False,
        noise: bool = False,
        undo: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self._target, self._mask = target, mask
        self._ratio, self._block = ratio, block
        self._first = channels_first
        self._per_channel, self._noise = per_channel, noise
        self._undo = undo

    def mask_inputs(self, fields: Fields, generator: torch.Generator) -> dict[str, Tensor]:
        """Return the field with blocks hidden, and `TARGET.hidden`, which elements they are, of the same shape."""
        values = _numbers(fields[self._target])
        places = values.shape[2:] if self._first else values.shape[1:2]
        rows = values.shape[:2] if self._first and self._per_channel else values.shape[:1]
        lengths = fields.get(f"{self._target}.lengths")
        if lengths is None:
            hidden = self._blocks(rows, places, generator, values.device)
        else:
            hidden = self._blocks_within(rows, places[0], lengths, generator)
        if self._first and not self._per_channel:
            hidden = hidden.unsqueeze(1)
        while hidden.dim() < values.dim():
            hidden = hidden.unsqueeze(-1)
        hidden = hidden.expand(values.shape)
        fill = torch.zeros((), device=values.device, dtype=values.dtype)
        if self._noise:
            fill = torch.randn(values.shape, generator=generator, device=values.device, dtype=values.dtype)
        return {self._target: torch.where(hidden, fill, values), f"{self._target}.hidden": hidden}

    def _blocks(
        self, rows: Sequence[int], places: Sequence[int], generator: torch.Generator, device: torch.device
    ) -> Tensor:
        """Return which places [*rows, *places] are hidden."""
        grid = [-(-size // self._block) for size in places]
        count = math.prod(grid)
        number = min(max(1, round(self._ratio * count)), max(1, count - 1))
        draws = torch.rand((*rows, count), generator=generator, device=device)
        hidden = draws.argsort(-1).argsort(-1).lt(number).unflatten(-1, grid)
        for axis, size in enumerate(places, len(rows)):
            hidden = hidden.repeat_interleave(self._block, axis).narrow(axis, 0, size)
        return hidden

    def _blocks_within(
        self, rows: Sequence[int], steps: int, lengths: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Return which steps [*rows, steps] are hidden: blocks of each sample's own steps alone.

        Of a sample that is no longer than a block nothing is hidden. What is drawn for a sample does not depend on
        how long others are.
        """
        lengths_by_axis = lengths.view(-1, *[1] * len(rows))
        count = (lengths_by_axis + self._block - 1) // self._block
        number = torch.minimum((self._ratio * count).round().clamp_min(1), count - 1)
        size = -(-steps // self._block)
        draws = torch.rand((size, *rows), generator=generator, device=lengths.device).movedim(0, -1)
        draws = draws.masked_fill(torch.arange(size, device=lengths.device) >= count, 2.0)
        hidden = draws.argsort(-1).argsort(-1).lt(number).repeat_interleave(self._block, -1)[..., :steps]
        return hidden & (torch.arange(steps, device=lengths.device) < lengths_by_axis)

    def target(self, batch: Fields) -> Tensor:
        """Return the field [B, ...], NaN where nothing was hidden, and beyond the end of each sample."""
        values = _numbers(batch[self._target])
        hidden = batch.get(f"{self._target}.hidden")
        lengths = batch.get(f"{self._target}.lengths")
        target = values if hidden is None else values.masked_fill(~hidden, math.nan)
        if hidden is None and lengths is not None:
            target = fill_padding(values, lengths, 2 if self._first else 1, math.nan)
        return target if self._mask is None else mask_target(target, batch[self._mask])

    def scores(self, output: Tensor, batch: Fields) -> tuple[Tensor, Tensor]:
        """Return reconstruction and field [B, ..., C], channels last, NaN where nothing was hidden."""
        target = self.target(batch)
        if self._undo is not None:
            output, target = self._undo(widest(output)), self._undo(widest(target))
        return (output.movedim(1, -1), target.movedim(1, -1)) if self._first else (output, target)

    def predict(self, output: Tensor) -> dict[str, Tensor]:
        """Return nothing, of the output [B, ...]: what was hidden is known."""
        return {}

    def baseline_prediction(self, output: Tensor, batch: Fields, generator: torch.Generator) -> Tensor | None:
        """Return the mean [B, ...] of each channel of a sample where it is visible, 0 if nowhere, without padding."""
        values = _numbers(batch[self._target])
        hidden = batch.get(f"{self._target}.hidden")
        lengths = batch.get(f"{self._target}.lengths")
        if lengths is not None:
            values = fill_padding(values, lengths, 2 if self._first else 1, math.nan)
        is_visible = values.isfinite() if hidden is None else values.isfinite() & ~hidden
        axes = tuple(range(2, values.dim())) if self._first else tuple(range(1, max(2, values.dim() - 1)))
        total = torch.where(is_visible, values, 0).sum(axes, keepdim=True)
        return (total / is_visible.sum(axes, keepdim=True).clamp_min(1)).expand_as(output)


def _numbers(values: Tensor) -> Tensor:
    """Return values as numbers, pixels 0..255 as 0..1 as the model sees them."""
    return values if values.is_floating_point() else values.float() / 255
