"""A stack of frames for each sample."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from pydantic import Field as Param

from declare.components.fields._arrays import ArrayField
from declare.contract.data import FieldFacts
from declare.contract.problem import Problem
from declare.contract.shapes import Layout


class Video(ArrayField):
    """A video [channels, frames, height, width], float32.

    Example:
        ```yaml
        fields: {stimulus: {type: video, channels: 1, frames: 6, size: 16}}
        ```
    """

    layout: ClassVar[Layout] = "video"
    stated_axes: ClassVar[Mapping[str, int]] = {"channels": 0, "frames": 1}

    channels: int | None = Param(None, ge=1, description="number of channels; checked against the data")
    frames: int | None = Param(None, ge=1, description="number of frames; checked against the data")
    size: int | list[int] | None = Param(None, description="pixels: both sides, or [height, width]; checked")

    def compare(self, facts: FieldFacts) -> Iterable[Problem]:
        """Yield where a stated size contradicts the data."""
        yield from super().compare(facts)
        if self.size is not None:
            stated = [self.size, self.size] if isinstance(self.size, int) else list(self.size)
            found = list(facts.shape.dims[2:])
            if stated != found:
                yield Problem(
                    "DAT334",
                    f"`size` is {stated} but the data have {found} pixels",
                    at="size",
                    label="stated here",
                    helps=("remove `size`: it is read from the data",),
                )
