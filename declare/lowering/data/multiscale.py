"""Scales of a step: which sizes it trains at is a pure function of the step; batches are resized on the device."""

import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from declare.ir.plan import PhasePlan, ScalesPlan
from declare.lowering.model.graph import Batch

Choose = Callable[[ScalesPlan, int, int], tuple[int, ...]]
"""(scales, key of the phase, step) -> sizes of the step."""


class Scales:
    """The sizes of each step of a phase, and its batches at them.

    Only the stored images travel; smaller ones are made of them, antialiased, when they are needed.
    """

    def __init__(self, phase: PhasePlan, scales: ScalesPlan, seed: int) -> None:
        self._plan = scales
        self._choose = _MODES[scales.mode]
        self._key = zlib.crc32(f"{seed}/{phase.name}/scales".encode())
        self.eager = scales.materialize == "eager"

    def sizes(self, step: int) -> tuple[int, ...]:
        """Return the sizes of a step, the largest first: the others may be compared with it."""
        return self._choose(self._plan, self._key, step)

    @property
    def all_sizes(self) -> tuple[int, ...]:
        """The sizes that the phase trains at."""
        return self._plan.sizes

    @property
    def field(self) -> str:
        """The field that it shows at several sizes."""
        return self._plan.field

    def evaluation_size(self, step: int) -> int:
        """Return the size that evaluations after a step are of."""
        return self._plan.evaluate or self.sizes(step)[0]

    def at(self, batch: Batch, size: int) -> Batch:
        """Return a batch with the field's images at a size, in every view that holds them."""
        field = self._plan.field
        return {
            dataset: {
                name: resize_images(value, size) if name == field or name.endswith(f":{field}") else value
                for name, value in fields.items()
            }
            for dataset, fields in batch.items()
        }

    def batches(self, batch: Batch, step: int) -> Iterator[Batch]:
        """Yield the batch at every size of a step, each made when it is asked for."""
        return (self.at(batch, size) for size in self.sizes(step))


def resize_images(images: Tensor, size: int) -> Tensor:
    """Return images [N, C, H, W] with the shorter edge at `size`; as they are if it is there.

    On a processor whole pixels stay whole pixels, those of Pillow's bilinear filter (rarely one of 255 apart);
    elsewhere they become 0..1.
    """
    height, width = images.shape[-2:]
    shorter = min(height, width)
    if shorter == size:
        return images
    edges = tuple(max(1, round(edge * size / shorter)) for edge in (height, width))
    pixels = images
    if images.dtype == torch.uint8 and images.device.type == "cpu":
        pixels = images.contiguous(
            memory_format=torch.channels_last
        )  # ten times as fast as channel by channel
    elif images.dtype == torch.uint8:
        pixels = images.to(torch.float32).mul_(1 / 255)
    return functional.interpolate(pixels, size=edges, mode="bilinear", antialias=True)


def _joint(scales: ScalesPlan, _key: int, _step: int) -> tuple[int, ...]:
    return tuple(sorted(scales.sizes, reverse=True))


def _progressive(scales: ScalesPlan, _key: int, step: int) -> tuple[int, ...]:
    return (scales.sizes[min(bisect_right(scales.ends, step), len(scales.sizes) - 1)],)


def _random(scales: ScalesPlan, key: int, step: int) -> tuple[int, ...]:
    generator: Any = torch.Generator().manual_seed(key * 1_000_003 + step)
    return (scales.sizes[int(torch.randint(len(scales.sizes), (1,), generator=generator))],)


_MODES: dict[str, Choose] = {"joint": _joint, "progressive": _progressive, "random": _random}
