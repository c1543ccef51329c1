"""Random crops of images. Shapes: B batch, C channels, H height, W width."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from declare.nn.transforms.sample_rng import uniform

_SALT = 0x63726F70


class RandomCrop(nn.Module):
    """Crops `size` from each padded sample. Input x[B, ..., H, W] of any type, output of the same type.

    Args:
        size: height and width of the piece.
        padding: pixels at left, right, top and bottom.
        mode: `constant`, `replicate` or `reflect`.
        fill: value of a constant padding.
    """

    def __init__(
        self, size: tuple[int, int], *, padding: tuple[int, int, int, int], mode: str, fill: float
    ) -> None:
        super().__init__()
        self.size = size
        self.padding = padding
        self.mode = mode
        self.fill = fill

    def forward(self, values: Tensor, keys: Any) -> Tensor:
        """Return the pieces [B, ..., H', W']; `keys` [B] holds one unsigned 64-bit number for each sample."""
        flat = self._pad(values).flatten(1, -3) if values.ndim > 3 else self._pad(values)[:, None]
        limits = np.array([flat.shape[-2] - self.size[0] + 1, flat.shape[-1] - self.size[1] + 1])
        corners = (uniform(keys, _SALT, 2) * limits).astype(np.int64)
        crop = self._crop_by_slices if flat.device.type == "cpu" else self._crop_by_gather
        return crop(flat, corners).reshape(*values.shape[:-2], *self.size)

    def _crop_by_slices(self, flat: Tensor, corners: Any) -> Tensor:
        """Cut one piece after the other: on a processor, copies of rows beat a gather of pixels."""
        height, width = self.size
        pairs = zip(flat.unbind(), corners.tolist(), strict=True)
        return torch.stack(
            [sample[:, top : top + height, left : left + width] for sample, (top, left) in pairs]
        )

    def _crop_by_gather(self, flat: Tensor, corners: Any) -> Tensor:
        height, width = self.size
        tops, lefts = torch.from_numpy(corners).to(flat.device).unbind(1)
        rows = tops[:, None] + torch.arange(height, device=flat.device)
        columns = lefts[:, None] + torch.arange(width, device=flat.device)
        index = torch.arange(len(flat), device=flat.device)
        # Advanced indices around a slice put the channels last.
        return flat[index[:, None, None], :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)

    def _pad(self, values: Tensor) -> Tensor:
        if not any(self.padding):
            return values
        if self.mode == "constant":
            return functional.pad(values, self.padding, value=self.fill)
        # torch pads other modes in numbers with a fraction, and by three or four axes only.
        planes = values.reshape(-1, 1, *values.shape[-2:]).float()
        padded = functional.pad(planes, self.padding, mode=self.mode).to(values.dtype)
        return padded.reshape(*values.shape[:-2], *padded.shape[-2:])
