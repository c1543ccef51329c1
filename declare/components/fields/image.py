"""A picture for each sample."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field as Param

from declare.contract.data import FieldFacts
from declare.contract.field import Field
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Layout, Shape

if TYPE_CHECKING:
    import numpy as np


MOST_PIXELS = 64_000_000


class Image(Field):
    """A picture, encoded as uint8 [channels, height, width] in 0..255.

    Takes files, encoded bytes, PIL pictures, and arrays [H, W], [H, W, C] or [C, H, W] of 8 or 16 bits or of
    floats in 0..1. EXIF rotation is applied, 16 bits become 8, transparency is laid on white unless 4
    channels are asked for. `size` resizes (bilinear, antialiased) while reading; pictures that differ in
    size need it, else they raise `ProblemError` DAT349.

    Example:
        ```yaml
        fields: {image: {type: image, channels: 3, size: 64}}
        ```
    """

    layout: ClassVar[Layout] = "image"
    takes_missing: ClassVar[bool] = False

    channels: int | None = Param(None, ge=1, le=4, description="1 grey, 3 RGB, 4 RGBA; files are converted")
    size: int | list[int] | None = Param(None, description="pixels: both sides, or [height, width]; resizes")
    fit: Literal["stretch", "crop"] = Param(
        "stretch", description="how another shape gets `size`: stretched, or cut to it in the middle"
    )

    def _size(self) -> tuple[int, int] | None:
        if self.size is None:
            return None
        sides = (self.size, self.size) if isinstance(self.size, int) else tuple(self.size)
        return (sides[0], sides[-1])

    def check(self) -> Iterable[Problem]:
        """Yield sizes that are not one or two positive numbers."""
        yield from super().check()
        sides = [self.size] if isinstance(self.size, int) else self.size
        if sides is not None and (len(sides) > 2 or not sides or min(sides) < 1):
            yield Problem("SCH108", "`size` is one or two positive numbers of pixels", at="size")
        elif sides is not None and sides[0] * sides[-1] > MOST_PIXELS:
            yield Problem("SCH108", f"`size` asks for more than {MOST_PIXELS:,} pixels", at="size")

    def cut_to(self) -> tuple[int, int] | None:
        """Return the size, where pictures are cut in the middle to fit it."""
        size = [self.size] if isinstance(self.size, int) else self.size
        return (size[0], size[-1]) if size and self.fit == "crop" else None

    def examine(self, values: Any) -> FieldFacts:
        """Return the shape of a sample of pictures."""
        from declare.components.fields._pixels import Frame, channels_of, decode, differing, is_table

        frame = Frame(self._size(), crop=self.fit == "crop")
        if is_table(values):
            found = decode(values[:1], self.channels, frame)
            return FieldFacts(shape=Shape("image", found.shape[1:], "uint8"))
        channels = self.channels or max(channels_of(value, row) for row, value in enumerate(values))
        shapes = [decode([value], channels, frame).shape[1:] for value in values]
        for row, shape in enumerate(shapes):
            if shape != shapes[0]:
                raise ProblemError(differing(shapes[0][1:], shape[1:], row))
        return FieldFacts(shape=Shape("image", shapes[0], "uint8"))

    def encode(self, values: Any, facts: FieldFacts) -> np.ndarray[Any, Any]:
        """Return uint8 [rows, channels, height, width]."""
        from declare.components.fields._pixels import Frame, decode

        channels, height, width = facts.shape.dims
        known = (height, width) if height is not None and width is not None else None
        return decode(values, channels, Frame(self._size(), known, crop=self.fit == "crop"))
