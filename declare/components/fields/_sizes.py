"""Sizes of images as specs state them."""

from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import Field as Param

from declare.contract.files.image_formats import check_sides
from declare.contract.kinds.field import Field
from declare.contract.problem import Problem

MOST_PIXELS = 64_000_000
"""Maximum number of pixels to which an image may be resized."""


def check_size(size: int | list[int] | None) -> Iterator[Problem]:
    """Yield a problem if a size is not one or two positive numbers, or is larger than any image."""
    if size is None:
        return
    problems = list(check_sides(size))
    yield from problems
    sides = [size] if isinstance(size, int) else size
    if not problems and sides[0] * sides[-1] > MOST_PIXELS:
        side = int(MOST_PIXELS**0.5)
        yield Problem(
            "SCH108",
            f"`size` {size} asks for {sides[0] * sides[-1]:,} pixels, more than {MOST_PIXELS:,}",
            at="size",
            label="larger than any image",
            helps=(f"write a smaller size, at most `size: {side}`",),
        )


class ImageField(Field):
    """A field of images, or of masks over them: how files and arrays are read, and at which size."""

    size: int | list[int] | None = Param(None, description="pixels: both sides, or [height, width]; resizes")
    fit: Literal["stretch", "crop"] = Param(
        "stretch", description="how images of another aspect ratio get `size`: stretched, or centre-cropped"
    )
    layout_: Literal["HWC", "CHW"] | None = Param(
        None, alias="layout", description="axis order of arrays; default: inferred from their sizes"
    )
    frame: int | None = Param(
        None, ge=0, description="which frame or page is read from a file with several, from 0"
    )

    def check(self) -> Iterable[Problem]:
        """Yield a problem for sizes that are not one or two positive numbers."""
        yield from super().check()
        yield from check_size(self.size)

    def _size(self) -> tuple[int, int] | None:
        """Return height and width if they are stated."""
        sides = [self.size] if isinstance(self.size, int) else self.size
        return (sides[0], sides[-1]) if sides else None

    def cut_to(self) -> tuple[int, int] | None:
        """Return the size if images are centre-cropped to it."""
        return self._size() if self.fit == "crop" else None
