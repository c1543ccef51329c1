"""An image for each sample."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field as Param

from declare.components.fields._sizes import ImageField
from declare.contract.code import Code, NotWrittenError, RawColumn
from declare.contract.facts import FieldFacts
from declare.contract.problem import Problem
from declare.contract.shapes import Array, Layout, Shape

if TYPE_CHECKING:
    from declare.components.fields._decoding import Decoding


_DIM = 16
"""A column that uses fewer of the 256 levels leaves most of its scale unused."""


class Image(ImageField):
    """An image, encoded as uint8 [channels, height, width] in 0..255.

    Accepts files, encoded bytes, PIL images, and arrays or lists [H, W], [H, W, C] or [C, H, W]. Bit depth,
    mode and type define black and white, never the content of a single image: bits, bytes and palettes are
    unchanged, 16 bits (12 in a 12-bit TIFF) keep their upper 8 bits, floats are in 0..1. For arrays of other
    types the range of the whole column decides: integers in 0..255 are bytes. `range` states the values of
    black and white in all other cases (12 bits in 16, -1..1, int16, 32-bit TIFF): values outside raise
    DAT390, nothing is clipped.

    EXIF rotation is applied; transparency becomes white unless 4 channels are requested. In a column with
    colours, grey images get three equal channels; a colour image raises DAT391 if the examined samples
    were grey. A file with several frames needs `frame` (DAT392). `size` resizes (bilinear, antialiased) when
    samples are read; images of different sizes need it, else `ProblemError` DAT349 is raised. Arrays whose
    channel axis is ambiguous need `layout` (DAT324).

    Example:
        ```yaml
        fields: {image: {type: image, channels: 3, size: 64}}
        ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("picture", "img", "photo", "pil")

    layout: ClassVar[Layout] = "image"
    takes_missing: ClassVar[bool] = False

    channels: int | None = Param(None, ge=1, description="1 grey, 3 RGB, 4 RGBA; files are converted")
    range: list[float] | None = Param(
        None, description="the values of black and white; default: by bit depth and type"
    )

    def check(self) -> Iterable[Problem]:
        """Yield a problem for sizes that are not one or two positive numbers, and for an invalid range."""
        yield from super().check()
        if self.range is not None and (len(self.range) != 2 or not self.range[0] < self.range[1]):
            yield Problem(
                "SCH108",
                f"`range` is {self.range}, not [black, white] with the lower number first",
                at="range",
                label="two numbers are needed",
                helps=("write the values of black and white, such as `range: [0, 4095]`",),
            )

    def _decoding(self, facts: FieldFacts | None = None) -> Decoding:
        """Return how images are decoded: as stated, else as the facts of the examined samples define."""
        from declare.components.fields._decoding import Decoding, Frame
        from declare.components.fields._scales import Scale

        known = facts.shape.dims if facts else (self.channels, None, None)
        extra = facts.extra if facts else {}
        bounds = self.range or extra.get("range")
        size = (known[1], known[2]) if known[1] is not None and known[2] is not None else None
        return Decoding(
            channels=known[0],
            frame=Frame(self._size(), size, crop=self.fit == "crop"),
            layout=self.layout_ or extra.get("layout"),
            scale=Scale(*bounds) if bounds else None,
            stated=self.range is not None,
            converts=self.channels is not None,
            number=self.frame,
        )

    def infer_facts(self, values: Any) -> FieldFacts:
        """Return the shape of the images of a sample, the axis order of arrays and the meaning of their values."""
        from declare.components.fields._pixel_survey import survey

        images = survey(values, self._decoding())
        extra: dict[str, Any] = {"levels": list(images.levels), "deep": images.deep}
        if images.rotated:
            extra["rotated"] = images.rotated
        if images.raw is not None:
            extra["raw"] = images.raw
        if images.how.layout is not None:
            extra["layout"] = images.how.layout
        if images.how.scale is not None and not images.how.stated:
            extra["range"] = list(images.how.scale)
        return FieldFacts(shape=Shape("image", images.dims, "uint8"), extra=extra)

    def compare(self, facts: FieldFacts) -> Iterable[Problem]:
        """Yield a problem if images leave most of their scale unused."""
        levels = facts.extra.get("levels", (0, 255))
        return _scale_unused(levels, facts.extra.get("raw"), deep=bool(facts.extra.get("deep")))

    def doubts(self, values: Any, facts: FieldFacts) -> Iterable[Problem]:
        """Yield a problem if new images leave most of their scale unused, and those of training did not."""
        from declare.components.fields._pixel_survey import survey

        if any(True for _ in self.compare(facts)):
            return ()
        images = survey(values, self._decoding(facts))
        return _scale_unused(images.levels, images.raw, deep=images.deep)

    def code(self, name: str, facts: FieldFacts, raw: RawColumn) -> Code:
        """Return code for arrays of bytes."""
        decoding = self._decoding(facts)
        if (
            raw.dtype != "uint8"
            or decoding.scale is not None
            or self.size is not None
            or self.channels is not None
            or None in facts.shape.dims
        ):
            raise NotWrittenError(f"the pictures of `{name}`: only arrays of bytes have code")
        if facts.shape.dims[0] == 1:
            return Code(f"{raw.code}.reshape(len({raw.code}), {', '.join(map(str, facts.shape.dims))})")
        channels_last = decoding.layout != "CHW"
        return Code(f"np.ascontiguousarray({raw.code}.transpose(0, 3, 1, 2))" if channels_last else raw.code)

    def encode(self, values: Any, facts: FieldFacts) -> Array:
        """Return uint8 [rows, channels, height, width]."""
        from declare.components.fields._pixels import decode

        return decode(values, self._decoding(facts))


def _scale_unused(levels: Sequence[int], raw: float | None, *, deep: bool) -> Iterator[Problem]:
    """Yield DAT393 for images that use only a few levels; those of `deep` ones are on the scale of their type."""
    low, high = levels
    if raw is not None:
        yield Problem(
            "DAT393",
            f"images use 1 of 256 levels of grey: every value up to {raw:.5g} becomes 0",
            label="all black",
            notes=("bit depth and type define white, and all values are far below it",),
            helps=(f"state the values of black and white: {_ranges(raw)}",),
        )
    if 0 < high < _DIM and (deep or high == 1):
        yield Problem(
            "DAT393",
            f"images use only {high - low + 1} of 256 levels of grey: {low} to {high}",
            label="nearly all black",
            notes=("bit depth and type define white, and all values are far below it",),
            helps=(
                "state the values of black and white: `range: [0, 4095]` for 12 bits, `[0, 1]` for masks",
            ),
        )


def _ranges(raw: float) -> str:
    """Return the possible values of white if the largest value is `raw`."""
    of_largest = f"`range: [0, {raw:.10g}]`"
    return (
        f"`range: [0, 255]` for bytes, {of_largest} for the largest value" if 1 <= raw < 255 else of_largest
    )
