"""Images at another size."""

from collections.abc import Iterable
from typing import ClassVar, Literal

from pydantic import Field as Param

from declare.components.transforms._pixels import not_an_image, pair, resized_shape
from declare.contract.files.image_formats import check_sides
from declare.contract.kinds.transform import Effect, Transform
from declare.contract.problem import Problem
from declare.contract.shapes import Array, Shape


class Resize(Transform):
    """Resizes an image or video to `size`, antialiased; masks use the nearest class. The aspect ratio may change.

    Resize images of different sizes when they are read: `fields: {image: {type: image, size: 64}}`. Source:
    Pillow's `Image.resize`.

    Example:
        ```yaml
        transforms: [{type: resize, field: image, size: 64}]
        ```
    """

    effect: ClassVar[Effect] = "places"

    size: int | list[int] = Param(description="pixels: both sides, or [height, width]")
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] = Param(
        "bilinear", description="interpolation; masks always use the nearest pixel"
    )

    def check(self) -> Iterable[Problem]:
        """Yield a problem for an invalid size."""
        yield from check_sides(self.size)

    def infer(self, shape: Shape) -> Shape | Problem:
        """Return the image with its new size; SHP512 if sizes vary before."""
        if problem := not_an_image("resize", shape):
            return problem
        if None in shape.dims:
            return Problem(
                "SHP512",
                f"`resize` needs images of one size, but {shape} varies",
                at="type",
                label="sizes differ",
                helps=("state `size` on the field instead: it resizes each image when it is read",),
            )
        return resized_shape(shape, pair(self.size))

    def apply(self, values: Array, statistics: dict[str, list[float]]) -> Array:
        """Return [rows, ..., height, width] of the same type."""
        import numpy as np
        from PIL import Image

        is_mask = values.dtype == np.int64
        method = Image.Resampling["NEAREST" if is_mask else self.interpolation.upper()]
        height, width = pair(self.size)
        planes = values.reshape(-1, *values.shape[-2:])
        if values.dtype != np.uint8:
            planes = planes.astype(np.int32 if is_mask else np.float32)
        images = [np.asarray(Image.fromarray(plane).resize((width, height), method)) for plane in planes]
        return np.stack(images).astype(values.dtype).reshape(*values.shape[:-2], height, width)
