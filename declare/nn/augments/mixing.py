"""Mixing the samples of a batch in pairs. Shapes: B batch, K classes, ... any further axes.

All samples of a batch are mixed in the same proportion, so that the class weights of a batch stay what they
were and a batch may be cut into micro-batches before it is mixed. Random draws are made on the CPU.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

Fields = Mapping[str, Tensor]


class Mixing(nn.Module):
    """Mixes each sample with another of its batch, with probability `probability` for each batch.

    `values` are fields of numbers (inputs or targets; NaN where one of a pair is missing), `classes` maps
    fields of class indices to their number of classes (they become probabilities; -1 adds nothing), `valid`
    are fields of truth values (a pair counts if both do). Fields are [B, ...]; a field of classes [B, ...]
    becomes [B, K, ...].
    """

    def __init__(
        self,
        values: Sequence[str],
        classes: Mapping[str, int],
        valid: Sequence[str] = (),
        *,
        alpha: float,
        probability: float = 1.0,
    ) -> None:
        super().__init__()
        self._values = tuple(values)
        self._classes = dict(classes)
        self._valid = tuple(valid)
        self._alpha = alpha
        self._probability = probability

    def forward(self, fields: Fields, generator: Generator | None = None) -> dict[str, Tensor]:
        """Return the fields [B, ...] of the mixed batch; mixed classes are [B, K, ...]."""
        share = self.draw(generator)
        rows = len(next(iter(fields.values())))
        partner = torch.randperm(rows, generator=generator)
        if share is None:
            return dict(fields)
        return self.mix(dict(fields), share, partner, generator)

    def draw(self, generator: Generator | None) -> float | None:
        """Return the share that a sample keeps, or None if this batch stays as it is."""
        parts = torch._standard_gamma(torch.full((2,), self._alpha, dtype=torch.float64), generator)  # noqa: SLF001
        if torch.rand((), generator=generator).item() >= self._probability:
            return None
        return (parts[0] / parts.sum().clamp_min(1e-300)).item()

    def mix(
        self, fields: dict[str, Tensor], share: float, partner: Tensor, generator: Generator | None
    ) -> dict[str, Tensor]:
        """Return the fields [B, ...], mixed; mixed classes are [B, K, ...]."""
        raise NotImplementedError

    def mix_targets(
        self, fields: dict[str, Tensor], names: Sequence[str], share: float, partner: Tensor
    ) -> None:
        """Mix the named fields of numbers [B, ...] and all fields of classes, in place of the old ones."""
        for name in names:
            if name in fields:
                fields[name] = blend(number(fields[name]), share, partner)
        for name, count in self._classes.items():
            if name in fields:
                fields[name] = blend(probabilities(fields[name], count), share, partner)
        for name in self._valid:
            if name in fields:
                fields[name] = fields[name] & fields[name][partner.to(fields[name].device)]


class Mixup(Mixing):
    """x <- share * x + (1 - share) * partner's x, for inputs and targets [B, ...] alike.

    Source: Zhang et al. 2018, https://arxiv.org/abs/1710.09412.
    """

    def mix(
        self,
        fields: dict[str, Tensor],
        share: float,
        partner: Tensor,
        generator: Generator | None,
    ) -> dict[str, Tensor]:
        """Return the fields [B, ...], mixed; mixed classes are [B, K, ...]."""
        self.mix_targets(fields, self._values, share, partner)
        for name in (f"{field}.lengths" for field in self._values):
            if name in fields:  # beyond its end a sample is silent
                fields[name] = torch.maximum(fields[name], fields[name][partner.to(fields[name].device)])
        return fields


class CutMix(Mixing):
    """Pastes a box of the partner's sample [...]; targets are mixed in proportion to the area that is kept.

    `cut` maps fields to the number of trailing axes in which a box is cut: 2 for images and masks, 1 for
    series. All of them get the same box, in parts of their size. Source: Yun et al. 2019,
    https://arxiv.org/abs/1905.04899.
    """

    def __init__(
        self,
        cut: Mapping[str, int],
        values: Sequence[str],
        classes: Mapping[str, int],
        valid: Sequence[str] = (),
        *,
        alpha: float,
        probability: float = 1.0,
    ) -> None:
        super().__init__(values, classes, valid, alpha=alpha, probability=probability)
        self._cut = dict(cut)

    def mix(
        self, fields: dict[str, Tensor], share: float, partner: Tensor, generator: Generator | None
    ) -> dict[str, Tensor]:
        """Return the fields [B, ...], mixed; mixed classes are [B, K, ...]."""
        centre = torch.rand(2, generator=generator).tolist()
        kept_share = share
        for name, axes in self._cut.items():
            if name in fields:
                fields[name], kept_share = paste(fields[name], axes, centre, share, partner)
        self.mix_targets(fields, self._values, kept_share, partner)
        return fields


def paste(
    values: Tensor, axes: int, centre: Sequence[float], share: float, partner: Tensor
) -> tuple[Tensor, float]:
    """Return values [B, ...] with a box of (1 - share) of their area from the partner, and the share really left."""
    side = (1 - share) ** (1 / axes)
    box, area = [slice(None)] * values.dim(), 1.0
    for axis, middle in zip(range(-axes, 0), centre, strict=False):
        size = values.shape[axis]
        low = round(min(max(middle - side / 2, 0.0), 1.0) * size)
        high = round(min(max(middle + side / 2, 0.0), 1.0) * size)
        box[axis] = slice(low, high)
        area *= (high - low) / size
    mixed_values = values.clone()
    mixed_values[tuple(box)] = values[partner.to(values.device)][tuple(box)]
    return mixed_values, 1 - area


def blend(values: Tensor, share: float, partner: Tensor) -> Tensor:
    """Return share * values + (1 - share) * the partners' values, [B, ...]."""
    return torch.lerp(values[partner.to(values.device)], values, share)


def number(values: Tensor) -> Tensor:
    """Return values [B, ...] as numbers that can be mixed: pixels 0..255 become 0..1, as they enter the model."""
    if values.dtype == torch.uint8:
        return values.to(torch.float32).mul_(1 / 255)
    return values if values.is_floating_point() else values.to(torch.float32)


def probabilities(target: Tensor, num_classes: int) -> Tensor:
    """Return class indices [B, ...] as probabilities [B, K, ...]; -1 becomes a row of zeros."""
    if target.is_floating_point():
        return target
    one_hot = functional.one_hot(target.long().clamp_min(0), num_classes).movedim(-1, 1)
    return (one_hot * (target >= 0).unsqueeze(1)).to(torch.float32)
