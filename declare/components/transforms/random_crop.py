"""A random crop of each image."""

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from pydantic import Field as Param

from declare.components.transforms._pixels import not_an_image, pair, resized_shape, too_small
from declare.contract.files.image_formats import check_sides
from declare.contract.kinds.transform import Effect, Transform
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.contract.torch_types import TorchModule

_WIDEST = 4096
"""Pixels of padding at one edge: more of it would be the image."""


class RandomCrop(Transform):
    """Crops `size` from each image, video or mask at a random position, after `padding`.

    The position is drawn for each sample; an image and its mask get the same one. Masks are padded with -1
    (not labelled). Source: torchvision.transforms.v2.RandomCrop, for a whole batch at once.

    Example:
        ```yaml
        transforms: [{type: random_crop, field: image, size: 16, padding: 2}]
        ```
    """

    stored: ClassVar[bool] = False
    moves: ClassVar[bool] = True
    effect: ClassVar[Effect] = "places"

    size: int | list[int] = Param(description="pixels: both sides, or [height, width]")
    padding: int | Annotated[list[int], Param(min_length=1)] = Param(
        0, description="pixels: every edge, [left and right, top and bottom], or [left, top, right, bottom]"
    )
    padding_mode: Literal["constant", "edge", "reflect"] = Param(
        "constant", description="how padding is filled"
    )
    fill: float = Param(0, description="pixel value of a constant padding")
    on: Literal["all", "train", "eval"] = Param(
        "train", description="which samples it changes: all, those of training, or those of evaluations"
    )

    def check(self) -> Iterable[Problem]:
        """Yield a problem for an invalid size or padding."""
        yield from check_sides(self.size)
        edges = [self.padding] if isinstance(self.padding, int) else self.padding
        if len(edges) not in {1, 2, 4} or min(edges) < 0:
            title = f"`padding` is {self.padding}, not 1, 2 or 4 numbers of pixels"
            helps = ("write one number, [left_right, top_bottom] or [left, top, right, bottom]",)
            yield Problem("SCH108", title, at="padding", label="0 or more for each edge", helps=helps)

    def _edges(self) -> tuple[int, int, int, int]:
        """Return the padding of left, right, top and bottom."""
        edges = [self.padding] if isinstance(self.padding, int) else self.padding
        left, top, right, bottom = edges if len(edges) == 4 else (edges[0], edges[-1]) * 2
        return left, right, top, bottom

    def infer(self, shape: Shape) -> Shape | Problem:
        """Return the crop; DAT346 if it is larger than the padded image."""
        if problem := not_an_image("random_crop", shape):
            return problem
        left, right, top, bottom = self._edges()
        height, width = (
            side if side is None else side + more
            for side, more in zip(shape.dims[-2:], (top + bottom, left + right), strict=True)
        )
        if problem := self._refuse_padding(shape):
            return problem
        padded = shape._replace(dims=(*shape.dims[:-2], height, width))
        return too_small("random_crop", padded, pair(self.size)) or resized_shape(shape, pair(self.size))

    def _refuse_padding(self, shape: Shape) -> Problem | None:
        """Return that a padding is wider than what it may copy, or than any image is."""
        left, right, top, bottom = self._edges()
        sides = zip((max(top, bottom), max(left, right)), shape.dims[-2:], strict=True)
        reflects = self.padding_mode == "reflect" and shape.layout != "mask"
        over = next((side for edge, side in sides if reflects and side is not None and edge >= side), None)
        if over is None and max(left, right, top, bottom) <= _WIDEST:
            return None
        most = _WIDEST if over is None else over - 1
        why = f": a side of {over} reflects no further" if over is not None else ""
        return Problem(
            "SCH108",
            f"`padding` is {self.padding}, expected at most {most}",
            at="padding",
            label="too wide",
            helps=(f"write at most {most}{why}",),
        )

    def build(self, shape: Shape, statistics: dict[str, list[float]]) -> TorchModule:
        """Return the module that crops a batch."""
        from declare.nn.transforms.random_crop import RandomCrop as Module

        fill = -1.0 if shape.layout == "mask" else self.fill
        mode = {"edge": "replicate"}.get(self.padding_mode, self.padding_mode)
        if shape.layout == "mask":
            mode = "constant"
        return Module(pair(self.size), padding=self._edges(), mode=mode, fill=fill)
