"""Random erasing of a box of each image. Shapes: B batch, C channels, H height, W width."""

from collections.abc import Mapping, Sequence

import torch
from torch import Generator, Tensor, nn


class RandomErasing(nn.Module):
    """Replaces a box at a random place by `fill` in a fraction of the images [B, C, H, W] of a batch.

    The box covers a random part of the area between `area`'s ends, its sides are in a ratio between 0.3 and
    3.3. `fill` is `zero`, `mean` (the image's own, by channel) or `noise`. Random draws are made on the
    CPU. Source: Zhong et al. 2020, https://arxiv.org/abs/1708.04896.
    """

    def __init__(
        self, names: Sequence[str], *, probability: float, area: tuple[float, float], fill: str
    ) -> None:
        super().__init__()
        self._names = tuple(names)
        self._probability = probability
        self._area = area
        self._fill = fill

    def forward(self, fields: Mapping[str, Tensor], generator: Generator | None = None) -> dict[str, Tensor]:
        """Return the fields [B, ...] with erased images."""
        erased = dict(fields)
        for name in self._names:
            if name in erased:
                erased[name] = self._erase(erased[name], generator)
        return erased

    def _erase(self, images: Tensor, generator: Generator | None) -> Tensor:
        chance, part, ratio, row, column = torch.rand(5, len(images), 1, generator=generator).unbind()
        area = self._area[0] + part * (self._area[1] - self._area[0])
        stretch = (0.3 * (3.3 / 0.3) ** ratio).sqrt()
        inside = []
        for size, side, place in (
            (images.shape[-2], area.sqrt() * stretch, row),
            (images.shape[-1], area.sqrt() / stretch, column),
        ):
            length = (side * size).round().clamp(1, size)
            start = (place * (size - length + 1)).floor().clamp_max(size - 1)
            axis = torch.arange(size)
            inside.append((axis >= start) & (axis < start + length))
        box = inside[0].unsqueeze(2) & inside[1].unsqueeze(1) & (chance < self._probability).unsqueeze(2)
        mask = box.unsqueeze(1).to(images.device)
        return torch.where(mask, self._filling(images, generator), images)

    def _filling(self, images: Tensor, generator: Generator | None) -> Tensor:
        if self._fill == "zero":
            return torch.zeros((), dtype=images.dtype, device=images.device)
        if self._fill == "mean":
            return images.float().mean((-2, -1), keepdim=True).to(images.dtype)
        if images.dtype == torch.uint8:
            return torch.randint(0, 256, images.shape, generator=generator).to(images.device, torch.uint8)
        return torch.randn(images.shape, generator=generator).to(images.device, images.dtype)
