"""What image transforms share: sizes as one number or two, and checks of fields."""

from declare.contract.problem import Problem
from declare.contract.shapes import Shape

IMAGES = frozenset({"image", "video", "mask"})


def pair(size: int | list[int]) -> tuple[int, int]:
    """Return height and width of `size`: one number for both, or [height, width]."""
    return (size, size) if isinstance(size, int) else (size[0], size[-1])


def not_an_image(name: str, shape: Shape) -> Problem | None:
    """Return the problem that a transform of images, videos and masks does not accept this field, or None."""
    if shape.layout in IMAGES:
        return None
    return Problem(
        "SHP511",
        f"`{name}` takes images, not {shape}",
        at="type",
        label="changes images",
        helps=("use an `image`, `video` or `mask` field, or remove the transform",),
    )


def resized_shape(shape: Shape, size: tuple[int, int]) -> Shape:
    """Return the shape with another height and width."""
    return shape._replace(dims=(*shape.dims[:-2], *size))


def too_small(name: str, shape: Shape, size: tuple[int, int]) -> Problem | None:
    """Return the problem that a crop is larger than the image, or None; varying sides are checked later."""
    height, width = shape.dims[-2:]
    if (height is None or size[0] <= height) and (width is None or size[1] <= width):
        return None
    return Problem(
        "DAT346",
        f"`{name}` crops {size[0]} x {size[1]} pixels from {height} x {width}",
        at="size",
        label="larger than the image",
        helps=("choose a smaller `size`, or enlarge the images first with `resize`",),
    )
