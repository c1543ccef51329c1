"""Images of any kind as uint8 arrays of one size."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from declare.components.fields._decoding import Decoding, unlike_known
from declare.components.fields._image_modes import PILLOW_MODES, eight_bits, with_channels
from declare.components.fields._images import DEEP, GREY, name_of, open_image
from declare.components.fields._pixel_arrays import (
    array_bytes,
    as_array,
    channels_first,
    each_sample,
    is_table,
    not_an_image,
)
from declare.components.fields._scales import BYTES, own_scale
from declare.contract.problem import ProblemError
from declare.contract.shapes import Array


def decode(values: Any, how: Decoding) -> Array:
    """Return images as uint8 [rows, channels, height, width].

    Raises `ProblemError` DAT311 for values that are not images, DAT319 for arrays of another form, DAT324
    for an ambiguous axis order, DAT349 for differing sizes, DAT390 for pixels outside their scale, DAT391 for
    colours that would be dropped and DAT392 for files with several frames.
    """
    if is_table(values):
        table = channels_first(values, how)
        known = how.frame.known
        if how.frame.stated is None and known is not None and known != table.shape[2:]:
            raise ProblemError(unlike_known(known, table.shape[2:], 0))
        if how.frame.stated in {None, table.shape[2:]} and how.channels in {None, table.shape[1]}:
            return array_bytes(table, how)
        how = how._replace(layout="CHW")
        values = table
    values = each_sample(values)
    looks = (look(value, how, row) for row, value in enumerate(values))
    channels = how.channels or max((item.channels for item in looks), default=3)
    # One after the other: whole images may be a thousand times larger than what is kept of them.
    return np.stack(list(_decode_each(values, how._replace(channels=channels))))


def _decode_each(values: Sequence[Any], how: Decoding) -> Iterator[Array]:
    """Yield images [channels, height, width] of one size."""
    frame = how.frame
    for row, value in enumerate(values):
        try:
            planes = _planes(value, row, how)
        except ProblemError as error:
            raise ProblemError(*(replace(item, row=row) for item in error.problems)) from None
        size = frame.target(planes[0].size[::-1], row)
        frame = frame._replace(first=frame.first or size)
        fitted = [np.asarray(frame.fit(plane, size, Image.Resampling.BILINEAR)) for plane in planes]
        yield np.stack(fitted) if fitted[0].ndim == 2 else np.ascontiguousarray(np.moveaxis(fitted[0], -1, 0))


def _planes(value: Any, row: int, how: Decoding) -> list[Image.Image]:
    """Return an image with `how.channels` as one Pillow image, or as one for each channel."""
    array = as_array(value)
    if array is None:
        image = eight_bits(open_image(value, row, how.number), how, name_of(value))
    else:
        pixels = array_bytes(channels_first(array[None], how), how)[0]
        if len(pixels) == how.channels:
            return [Image.fromarray(plane) for plane in pixels]
        if len(pixels) not in PILLOW_MODES:
            raise ProblemError(not_an_image(array.shape))
        whole = pixels[0] if len(pixels) == 1 else np.ascontiguousarray(np.moveaxis(pixels, 0, -1))
        image = Image.fromarray(whole)
    return [with_channels(image, how, name_of(value))]


class Look(NamedTuple):
    """The number of channels of a value (grey 1, colour 3), and whether its pixels are not bytes.

    `rotated`: EXIF data rotate or mirror it.
    """

    channels: int
    deep: bool
    rotated: bool = False


def look(value: Any, how: Decoding, row: int = 0) -> Look:
    """Return what is seen of a value alone; raises as `decode` does."""
    array = as_array(value)
    if array is not None:
        return Look(int(channels_first(array[None], how).shape[1]), own_scale(array.dtype) != BYTES)
    image = open_image(value, row, how.number)
    mode = image.image.mode
    return Look(1 if mode in GREY else 3, mode in DEEP, image.rotated)
