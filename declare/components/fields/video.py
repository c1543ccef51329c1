"""A stack of frames for each sample."""

from collections.abc import Iterable, Mapping
from typing import ClassVar, Literal

from pydantic import Field as Param

from declare.components.fields._arrays import ArrayField
from declare.components.fields._axes import Order
from declare.components.fields._sizes import check_size
from declare.contract.facts import FieldFacts
from declare.contract.problem import Problem
from declare.contract.shapes import Layout

_Layout = Literal["CTHW", "TCHW", "THWC", "CHWT", "HWCT", "HWTC", "THW", "HWT"]


class Video(ArrayField):
    """A video [channels, frames, height, width], float32; values are not rescaled.

    Arrays in another axis order state it: `layout: THWC` (as most decoders write them), `TCHW`, or `THW`
    without a channel axis. Stated sizes that fit only another order are reported as DAT322, which `dcl fix`
    corrects. New samples to predict are read in the same order.

    Example:
        ```yaml
        fields: {stimulus: {type: video, channels: 1, frames: 6, size: 16}}
        ```
    """

    layout: ClassVar[Layout] = "video"
    stated_axes: ClassVar[Mapping[str, int]] = {"channels": 0, "frames": 1}
    axis_orders: ClassVar[Mapping[str, Order]] = {
        "CTHW": (0, 1, 2, 3),
        "TCHW": (1, 0, 2, 3),
        "THWC": (3, 0, 1, 2),
        "CHWT": (0, 3, 1, 2),
        "HWCT": (2, 3, 0, 1),
        "HWTC": (3, 2, 0, 1),
        "THW": (None, 0, 1, 2),
        "HWT": (None, 2, 0, 1),
    }
    fixed_axes: ClassVar[frozenset[int]] = frozenset({0, 2, 3})

    channels: int | None = Param(None, ge=1, description="number of channels; checked against the data")
    frames: int | None = Param(None, ge=1, description="number of frames; checked against the data")
    size: int | list[int] | None = Param(
        None,
        description="height and width in pixels: both sides, or [height, width]; checked against the data",
    )
    layout_: _Layout = Param("CTHW", alias="layout", description="axis order of a sample in the source")

    def check(self) -> Iterable[Problem]:
        """Yield a problem for sizes that are not one or two positive numbers."""
        yield from super().check()
        yield from check_size(self.size)

    def compare(self, facts: FieldFacts) -> Iterable[Problem]:
        """Yield a problem if stated sizes contradict the data, or if videos differ in height or width."""
        problems = list(super().compare(facts))
        yield from problems
        if not problems and None in facts.shape.dims[2:]:
            helps = ("resize them to one height and width first; their number of frames may differ",)
            yield Problem("DAT349", "videos differ in size", label="these videos", helps=helps)

    def sample_layout(self) -> str:
        """Return the layout of the samples."""
        return self.layout_

    def stated_sizes(self) -> dict[int, tuple[str, int]]:
        """Return the sizes that the spec states by axis, each with its parameter."""
        sizes = super().stated_sizes()
        if self.size is not None:
            sides = [self.size] if isinstance(self.size, int) else self.size
            sizes |= {2: ("size", sides[0]), 3: ("size", sides[-1])}
        return sizes
