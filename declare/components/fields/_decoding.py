"""How pictures are read: sizes, channels, axes and scale as stated or known."""

from __future__ import annotations

from typing import NamedTuple

from PIL import Image, ImageOps

from declare.components.fields._scales import Scale
from declare.contract.problem import Problem, ProblemError


class Frame(NamedTuple):
    """Height and width that pictures get: `stated` ones are made so, `known` ones must be so already.

    Without both, all must be as the `first` one of the same call.
    """

    stated: tuple[int, int] | None = None
    known: tuple[int, int] | None = None
    first: tuple[int, int] | None = None
    crop: bool = False

    def fit(self, picture: Image.Image, size: tuple[int, int], how: Image.Resampling) -> Image.Image:
        """Return the picture at `size`, stretched or cut in the middle."""
        if (picture.height, picture.width) == size:
            return picture
        wide = (size[1], size[0])
        return ImageOps.fit(picture, wide, how) if self.crop else picture.resize(wide, how)

    def target(self, own: tuple[int, int], row: int) -> tuple[int, int]:
        """Return the size that a picture gets; raises `ProblemError` DAT349 where equal ones are needed."""
        size = self.stated or self.known or self.first or own
        if self.stated is None and own != size:
            raise ProblemError(
                size_mismatch(size, own, row) if self.known is None else unlike_known(size, own, row)
            )
        return size


class Decoding(NamedTuple):
    """How pictures are read.

    `channels` that are not `converts` are those of the samples looked at: colours are then never left out. `layout`
    says the axes of arrays. `scale` holds for all pictures where it is `stated`, else for arrays whose type says
    none. `number` is the frame of files that have several.
    """

    channels: int | None = None
    frame: Frame = Frame()
    layout: str | None = None
    scale: Scale | None = None
    stated: bool = False
    converts: bool = True
    number: int | None = None


def unlike_known(known: tuple[int, int], own: tuple[int, int], row: int) -> Problem:
    """Return what is wrong with a picture that has not the size of those that the model was planned for."""
    wanted = f"{known[0]} x {known[1]}"
    return Problem(
        "DAT349",
        f"a picture has {own[0]} x {own[1]} pixels where the model takes {wanted}",
        label="pictures of this field",
        notes=("sizes are height x width; the data of the run have one size, and its spec states none",),
        helps=(
            f"bring the picture to {wanted} pixels, as the data of the run are",
            "or train with a stated `size`, which every picture is then brought to: `image: {type: image, size: 64}`",
        ),
        row=row,
    )


def size_mismatch(one: tuple[int, int], other: tuple[int, int], row: int) -> Problem:
    """Return what is wrong with pictures of two sizes."""
    return Problem(
        "DAT349",
        f"pictures differ in size: {one[0]} x {one[1]} and {other[0]} x {other[1]} pixels",
        label="these pictures",
        notes=("sizes are height x width",),
        helps=("state the `size` that all of them get: `image: {type: image, size: 64}`",),
        row=row,
    )
