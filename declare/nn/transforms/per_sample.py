"""Transforms of torchvision on batches, with draws of each sample's own.

Shapes: B batch, C channels, F frames, H height, W width.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torchvision import tv_tensors

from declare.nn.transforms.sample_rng import Drawing, uniform


class PerSample(nn.Module):
    """Applies a transform to each sample. Input x[B, C, H, W], x[B, C, F, H, W] or a mask x[B, H, W]; output alike.

    The draws of a sample depend on its key alone, neither on the batch that it is in nor on other draws: an
    image and its mask get the same ones. torch's global generators are left alone.

    Args:
        transform: of torchvision v2.
        layout: `image`, `video` or `mask`.
        salt: makes the draws of this transform others than those of the next one.
        draws: `nothing` (the batch is transformed as one), `chance` (only whether a sample is changed),
            `parameters`, `chance and parameters`, or `all` (the change itself draws too).
    """

    def __init__(self, transform: nn.Module, *, layout: str, salt: int, draws: str) -> None:
        super().__init__()
        self.transform: Any = transform
        self.layout = layout
        self.salt = salt
        self.draws = draws

    def forward(self, values: Tensor, keys: Any) -> Tensor:
        """Return the batch [B, ...] transformed; `keys` [B] holds one unsigned 64-bit number for each sample."""
        images = self._images(values)
        if self.draws == "nothing":
            return self._values(self.transform(self._as_mask(images)))
        if "chance" not in self.draws:
            return self._values(self._transform_each(images, keys))
        chosen = np.flatnonzero(uniform(keys, self.salt, 1)[:, 0] < self.transform.p)
        if not len(chosen):
            return values
        index = torch.from_numpy(chosen).to(images.device)
        part = images.index_select(0, index)
        if self.draws == "chance":
            mask = self._as_mask(part)
            part = self.transform.transform(mask, self.transform.make_params([mask])).as_subclass(Tensor)
        else:
            part = self._transform_each(part, keys[chosen])
        return self._values(images.index_copy(0, index, part))

    def _transform_each(self, images: Tensor, keys: Any) -> Tensor:
        """Transform samples one by one, each with draws from its own key."""
        if self.draws == "all":
            with Drawing() as drawing:
                transformed = [
                    self._transform_one(drawing, image, key) for image, key in zip(images, keys, strict=True)
                ]
            return torch.stack(transformed).as_subclass(Tensor)
        like = self._as_mask(images[0])
        parameters = []
        with Drawing() as drawing:
            for key in keys:
                drawing.seed(int(key) ^ self.salt)
                parameters.append(self.transform.make_params([like]))
        # Outside: within it, every function of torch takes twice as long.
        pairs = zip(images, parameters, strict=True)
        transformed = [self.transform.transform(self._as_mask(image), stated) for image, stated in pairs]
        return torch.stack(transformed).as_subclass(Tensor)

    def _transform_one(self, drawing: Drawing, image: Tensor, key: Any) -> Tensor:
        drawing.seed(int(key) ^ self.salt)
        image_after: Tensor = self.transform(self._as_mask(image))
        return image_after

    def _images(self, values: Tensor) -> Tensor:
        """Bring samples to torchvision's order: frames before channels, masks with a channel."""
        if self.layout == "video":
            return values.transpose(1, 2)
        return values.unsqueeze(1) if self.layout == "mask" else values

    def _values(self, images: Tensor) -> Tensor:
        plain = images.as_subclass(Tensor)
        if self.layout == "video":
            return plain.transpose(1, 2)
        return plain.squeeze(1) if self.layout == "mask" else plain

    def _as_mask(self, image: Tensor) -> Tensor:
        """Mark which pixels are classes: they take the nearest, and changes of colour leave them."""
        return tv_tensors.Mask(image) if self.layout == "mask" else image
