"""Transforms of torchvision on batches, with draws of each sample's own.

Shapes: B batch, C channels, F frames, H height, W width.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torchvision import tv_tensors

from declare.nn.transforms.draws import Drawing, uniform


class Keyed(nn.Module):
    """Apply a transform to each sample. Input x[B, C, H, W], x[B, C, F, H, W] or a mask x[B, H, W]; output alike.

    The draws of a sample depend on its key alone, neither on the batch that it stands in nor on other draws: a
    picture and its mask get the same ones. torch's global generators are left alone.

    Args:
        transform: of torchvision v2.
        layout: `image`, `video` or `mask`.
        salt: makes the draws of this transform others than those of the next one.
        draws: `nothing` (the batch is transformed as one), `chance` (only whether), or `all`.
    """

    def __init__(self, transform: nn.Module, *, layout: str, salt: int, draws: str) -> None:
        super().__init__()
        self.transform: Any = transform
        self.layout = layout
        self.salt = salt
        self.draws = draws

    def forward(self, values: Tensor, keys: Any) -> Tensor:
        """Return the batch transformed; `keys` holds one unsigned 64-bit number for each sample."""
        pictures = self._pictures(values)
        if self.draws == "nothing":
            return self._values(self.transform(self._marked(pictures)))
        if self.draws == "chance":
            return self._values(self._some(pictures, keys))
        samples = []
        with Drawing() as drawing:
            for picture, key in zip(pictures, keys.tolist(), strict=True):
                drawing.seed(key ^ self.salt)
                samples.append(self.transform(self._marked(picture)))
        return self._values(torch.stack(samples))

    def _some(self, pictures: Tensor, keys: Any) -> Tensor:
        """Transform the samples that the draw picks, in one call."""
        chosen = torch.from_numpy(uniform(keys, self.salt, 1)[:, 0] < self.transform.p).nonzero()[:, 0]
        if not len(chosen):
            return pictures
        chosen = chosen.to(pictures.device)
        part = self._marked(pictures.index_select(0, chosen))
        changed = self.transform.transform(part, self.transform.make_params([part]))
        return pictures.index_copy(0, chosen, torch.as_tensor(changed))

    def _pictures(self, values: Tensor) -> Tensor:
        """Bring samples to torchvision's order: frames before channels, masks with a channel."""
        if self.layout == "video":
            return values.transpose(1, 2)
        return values.unsqueeze(1) if self.layout == "mask" else values

    def _values(self, pictures: Tensor) -> Tensor:
        plain = pictures.as_subclass(Tensor)
        if self.layout == "video":
            return plain.transpose(1, 2)
        return plain.squeeze(1) if self.layout == "mask" else plain

    def _marked(self, picture: Tensor) -> Tensor:
        """Say which pixels are classes: they take the nearest, and colours do not concern them."""
        return tv_tensors.Mask(picture) if self.layout == "mask" else picture
