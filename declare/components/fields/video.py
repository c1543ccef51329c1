"""A stack of frames for each sample."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field as Param

from declare.components.fields._arrays import ArrayField
from declare.components.fields._axes import (
    CHANNELS,
    Order,
    orders_by_channels,
    orders_that_fit,
    source_sizes,
    unclear,
)
from declare.components.fields._sizes import check_size
from declare.contract.facts import FieldFacts
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array, Layout

_Layout = Literal["CTHW", "TCHW", "THWC", "CHWT", "HWCT", "HWTC", "THW", "HWT"]

_BYTES = 16
"""Values from here on are not those of a scale from 0 to 1."""


class Video(ArrayField):
    """A video [channels, frames, height, width], float32; values are not rescaled.

    Videos of bytes among videos in 0..1, or the reverse, are DAT390.

    Arrays in another axis order state it: `layout: THWC` (as most decoders write them), `TCHW`, or `THW`
    without a channel axis. Stated sizes that fit only another order are reported as DAT322, which `dcl fix`
    corrects; if another axis of 1 to 4 may hold the channels and the order is not stated, that is DAT324. New
    samples to predict are read in the same order.

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
    layout_: _Layout | None = Param(
        None, alias="layout", description="axis order of a sample in the source; default: CTHW"
    )

    def check(self) -> Iterable[Problem]:
        """Yield a problem for sizes that are not one or two positive numbers."""
        yield from super().check()
        yield from check_size(self.size)

    def compare(self, facts: FieldFacts) -> Iterable[Problem]:
        """Yield a problem if stated sizes contradict the data, or if videos differ in height or width."""
        problems = list(super().compare(facts)) or list(self._unclear_channels(facts))
        yield from problems
        if not problems and None in facts.shape.dims[2:]:
            helps = ("resize them to one height and width first; their number of frames may differ",)
            yield Problem("DAT349", "videos differ in size", label="these videos", helps=helps)

    def encode(self, values: Any, facts: FieldFacts) -> Array:
        """Return numbers [rows, channels, frames, height, width]; raises `ProblemError` DAT390 for another scale."""
        import numpy as np

        samples = super().encode(values, facts)
        low, high = facts.minimum, facts.maximum
        if low is None or high is None or low < 0 or not samples.size:
            return samples
        top = np.nanmax(samples, axis=tuple(range(1, samples.ndim)), initial=0)
        if high <= 1 and (top >= _BYTES).any():
            row = int((top >= _BYTES).argmax())
            raise ProblemError(_another_scale(f"0 to {top[row]:.4g}", "0 to 1", row))
        if high >= _BYTES:
            for place in np.flatnonzero((top > 0) & (top <= 1)).tolist():
                if (samples[place] % 1 > 0).any():
                    raise ProblemError(_another_scale("0 to 1", f"0 to {high:.4g}", place))
        return samples

    def _unclear_channels(self, facts: FieldFacts) -> Iterator[Problem]:
        """Yield DAT324 if another axis than the one that is read as channels may hold them, by its size."""
        known = (self.sample_layout(), facts.shape.dims)
        number = facts.shape.dims[0]
        if self.layout_ is not None and (number in CHANNELS or self.channels is not None):
            return
        sizes = {axis: size for axis, (_, size) in self.stated_sizes().items()}
        fitting = orders_that_fit(self.axis_orders, known, sizes, self.fixed_axes)
        others = orders_by_channels(self.axis_orders, known, fitting)
        if others:
            raw = source_sizes(self.axis_orders, known)
            helps = (f"or state `channels: {number}` if that is right",) if self.layout_ and number else ()
            yield unclear([raw[axis] for axis in sorted(raw)], [known[0], *others], helps)

    def sample_layout(self) -> str:
        """Return the layout of the samples."""
        return self.layout_ or "CTHW"

    def stated_sizes(self) -> dict[int, tuple[str, int]]:
        """Return the sizes that the spec states by axis, each with its parameter."""
        sizes = super().stated_sizes()
        if self.size is not None:
            sides = [self.size] if isinstance(self.size, int) else self.size
            sizes |= {2: ("size", sides[0]), 3: ("size", sides[-1])}
        return sizes


def _another_scale(scale: str, known: str, row: int) -> Problem:
    return Problem(
        "DAT390",
        f"a video has values from {scale}, but the examined ones are from {known}",
        label="another scale",
        notes=("values of videos are not rescaled",),
        helps=("give all videos with the same values of black and white",),
        row=row,
    )
