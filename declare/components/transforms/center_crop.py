"""The middle of an image."""

from collections.abc import Iterable
from typing import ClassVar

from pydantic import Field as Param

from declare.components.transforms._pixels import not_an_image, pair, resized_shape, too_small
from declare.contract.files.image_formats import check_sides
from declare.contract.kinds.transform import Effect, Transform
from declare.contract.problem import Problem
from declare.contract.shapes import Array, Shape


class CenterCrop(Transform):
    """Crops the centre of an image, video or mask; an odd margin is one pixel larger at the end.

    Example:
        ```yaml
        transforms: [{type: center_crop, field: image, size: 24}]
        ```
    """

    moves: ClassVar[bool] = True
    effect: ClassVar[Effect] = "places"

    size: int | list[int] = Param(description="pixels: both sides, or [height, width]")

    def check(self) -> Iterable[Problem]:
        """Yield a problem for an invalid size."""
        yield from check_sides(self.size)

    def infer(self, shape: Shape) -> Shape | Problem:
        """Return the cropped image; DAT346 if it would be larger."""
        size = pair(self.size)
        problem = not_an_image("center_crop", shape) or too_small("center_crop", shape, size)
        return problem or resized_shape(shape, size)

    def apply(self, values: Array, statistics: dict[str, list[float]]) -> Array:
        """Return [rows, ..., height, width]; raises `ProblemError` DAT346 if images are smaller than the crop."""
        import numpy as np

        height, width = pair(self.size)
        self._refuse(values.shape[-2:])
        top, left = (values.shape[-2] - height) // 2, (values.shape[-1] - width) // 2
        return np.ascontiguousarray(values[..., top : top + height, left : left + width])

    def _refuse(self, sides: tuple[int, ...]) -> None:
        from declare.contract.problem import ProblemError

        problem = too_small("center_crop", Shape("mask", sides), pair(self.size))
        if problem is not None:
            raise ProblemError(problem.with_prefix("transforms"))
