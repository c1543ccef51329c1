"""How images are decoded: sizes, channels, axes and scale, as stated or inferred."""

from typing import NamedTuple

from PIL import Image, ImageOps

from declare.components.fields._scales import Scale
from declare.contract.problem import Problem, ProblemError


class Frame(NamedTuple):
    """Height and width of images: resized to `stated`, or required to equal `known`.

    Without either, all must have the size of the `first` one of the same call.
    """

    stated: tuple[int, int] | None = None
    known: tuple[int, int] | None = None
    first: tuple[int, int] | None = None
    crop: bool = False

    def fit(self, image: Image.Image, size: tuple[int, int], how: Image.Resampling) -> Image.Image:
        """Return the image at `size`, stretched or centre-cropped."""
        if (image.height, image.width) == size:
            return image
        wide = (size[1], size[0])
        return ImageOps.fit(image, wide, how) if self.crop else image.resize(wide, how)

    def target(self, image_size: tuple[int, int], row: int) -> tuple[int, int]:
        """Return the size for an image; raises `ProblemError` DAT349 if sizes differ that must not."""
        size = self.stated or self.known or self.first or image_size
        if self.stated is None and image_size != size:
            raise ProblemError(
                size_mismatch(size, image_size, row)
                if self.known is None
                else unlike_known(size, image_size, row)
            )
        return size


class Decoding(NamedTuple):
    """Settings for decoding images.

    `channels`: number of channels; without `converts`, it was inferred from examined samples, and colour is
    then never dropped. `layout`: axes of arrays. `scale`: values of black and white, for all images if
    `stated`, else only for arrays whose type implies none. `number`: frame to read from files with several.
    """

    channels: int | None = None
    frame: Frame = Frame()
    layout: str | None = None
    scale: Scale | None = None
    stated: bool = False
    converts: bool = True
    number: int | None = None


def unlike_known(known: tuple[int, int], image_size: tuple[int, int], row: int) -> Problem:
    """Return the problem that the size of an image differs from the size that the model was planned for."""
    wanted = f"{known[0]} x {known[1]}"
    return Problem(
        "DAT349",
        f"an image has {image_size[0]} x {image_size[1]} pixels, but the model takes {wanted}",
        label="images of this field",
        notes=("sizes are height x width; the training data had one size, and the spec states none",),
        helps=(
            f"resize the image to {wanted} pixels, like the training data",
            (
                "or train with a stated `size`, to which every image is resized: `image: {type: "
                "image, size: 64}`"
            ),
        ),
        row=row,
    )


def size_mismatch(one: tuple[int, int], other: tuple[int, int], row: int) -> Problem:
    """Return the problem that images have different sizes."""
    return Problem(
        "DAT349",
        f"images differ in size: {one[0]} x {one[1]} and {other[0]} x {other[1]} pixels",
        label="these images",
        notes=("sizes are height x width",),
        helps=("state a `size` to which all of them are resized: `image: {type: image, size: 64}`",),
        row=row,
    )
