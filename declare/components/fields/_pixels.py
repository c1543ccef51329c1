"""Pictures as arrays: decoding, channels, sizes."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from declare.contract.problem import Problem, ProblemError
from declare.contract.shortage import refuse_if_short

Array = np.ndarray[Any, Any]
MAX_PIXELS = 64_000_000
_LEAST_BYTES, _MOST_PIXEL_BYTES = 16 << 20, 8
"""What decoding takes: a decoder's own space, and two copies of each pixel."""
_REFUSALS = (
    *(OSError, UnidentifiedImageError, SyntaxError, ValueError, MemoryError, EOFError, struct.error),
    *(Image.DecompressionBombError, Image.DecompressionBombWarning),
)
# Larger pictures are refused by their header; the library's warning of them tells users nothing more.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM", "JPEG2000")
"""Formats that are decoded. Others are older, rarer, or run programs (EPS)."""
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def is_table(values: Any) -> bool:
    """Return whether `values` is one array of pictures."""
    return isinstance(values, np.ndarray) and values.ndim >= 3


class Frame(NamedTuple):
    """Height and width that pictures get: `stated` ones are made so, `known` ones must be so already."""

    stated: tuple[int, int] | None = None
    known: tuple[int, int] | None = None
    crop: bool = False

    def fitted(self, picture: Image.Image, size: tuple[int, int], how: Image.Resampling) -> Image.Image:
        """Return the picture at `size`, stretched or cut in the middle."""
        if (picture.height, picture.width) == size:
            return picture
        wide = (size[1], size[0])
        return ImageOps.fit(picture, wide, how) if self.crop else picture.resize(wide, how)


def differing(one: tuple[int, int], other: tuple[int, int], row: int) -> Problem:
    """Return what is wrong with pictures of two sizes."""
    return Problem(
        "DAT349",
        f"pictures differ in size: {one[0]} x {one[1]} and {other[0]} x {other[1]} pixels",
        label="these pictures",
        notes=("sizes are height x width",),
        helps=("state the `size` that all of them get: `image: {type: image, size: 64}`",),
        row=row,
    )


def decode(values: Any, channels: int | None, frame: Frame) -> Array:
    """Return pictures as uint8 [rows, channels, height, width].

    Raises `ProblemError` DAT311 for what is no picture, DAT319 for arrays of another form, and DAT349 for
    pictures of several sizes.
    """
    if is_table(values):
        table = _bytes(_channels_first(values))
        if frame.stated is None and frame.known not in {None, table.shape[2:]}:
            raise ProblemError(differing(frame.known or (0, 0), table.shape[2:], 0))
        if frame.stated in {None, table.shape[2:]} and channels in {None, table.shape[1]}:
            return table
        values = list(table)
    if channels == 2:
        said = "`channels` is 2, pictures have 1 (grey), 3 (RGB) or 4 (RGBA)"
        raise ProblemError(Problem("SCH108", said, at="channels", helps=("only arrays have two planes",)))
    values = list(values)
    mode = _MODES[channels or max((channels_of(value, row) for row, value in enumerate(values)), default=3)]
    # One after the other: whole pictures may be a thousand times larger than what is kept of them.
    return np.stack([_array(picture, mode, size, frame) for picture, size in _sized(values, frame)])


def _sized(values: Sequence[Any], frame: Frame) -> Iterator[tuple[Image.Image, tuple[int, int]]]:
    """Yield pictures with the size that they get; raises `ProblemError` DAT349 where equal ones are needed."""
    size = frame.stated or frame.known
    for row, value in enumerate(values):
        picture = _opened(value, row)
        own = (picture.height, picture.width)
        size = size or own
        if frame.stated is None and own != size:
            raise ProblemError(differing(size, own, row))
        yield picture, size


def channels_of(value: Any, row: int = 0) -> int:
    """Return 1 for a grey picture, 3 for one in colour; a value at `row` that is none is DAT311."""
    picture = _opened(value, row)
    return 1 if picture.mode in {"1", "L", "LA", "I", "I;16", "F"} else 3


def index_maps(values: Any, frame: Frame) -> Array:
    """Return maps of class indices as int64 [rows, height, width], resized to the nearest index."""
    if isinstance(values, np.ndarray) and values.ndim == 3 and values.dtype.kind in "iub":
        if frame.stated in {None, values.shape[1:]}:
            return values.astype(np.int64)
        values = list(values)
    values = [
        Image.fromarray(item.astype(np.int32)) if isinstance(item, np.ndarray) else item for item in values
    ]
    fitted = (
        frame.fitted(_indices(picture), size, Image.Resampling.NEAREST)
        for picture, size in _sized(values, frame)
    )
    return np.stack([np.asarray(picture, dtype=np.int64) for picture in fitted])


def _indices(picture: Image.Image) -> Image.Image:
    # A palette picture's indices are the classes; its colours are only how it is shown.
    return picture if picture.mode in {"L", "P", "I", "I;16"} else picture.convert("L")


def _channels_first(values: Array) -> Array:
    if values.ndim == 3:
        return values[:, None]
    if values.shape[-1] in _MODES and values.shape[1] not in _MODES:
        return np.moveaxis(values, -1, 1)
    return values


def _bytes(values: Array) -> Array:
    """Return pixels as uint8: floats in 0..1 and 16 bits are scaled."""
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    if values.dtype == np.uint16:
        return (values >> 8).astype(np.uint8)
    if values.dtype.kind == "f" and values.size and float(np.nanmax(values)) <= 1.0:
        return np.rint(np.nan_to_num(values) * 255).clip(0, 255).astype(np.uint8)
    if values.dtype.kind == "b":
        return values.astype(np.uint8) * np.uint8(255)
    return np.rint(np.nan_to_num(values.astype(np.float32))).clip(0, 255).astype(np.uint8)


def _opened(value: Any, row: int) -> Image.Image:
    try:
        return _picture(value)
    except ProblemError as error:
        raise ProblemError(replace(error.problem, row=row)) from None


def _picture(value: Any) -> Image.Image:
    if isinstance(value, Image.Image):
        return value
    if value is None:
        raise ProblemError(Problem("DAT311", "a sample has no picture", helps=("remove the sample",)))
    if isinstance(value, np.ndarray):
        return _from_array(value)
    if not isinstance(value, bytes | str | Path):
        problem = f"a value of type `{type(value).__name__}` is no picture"
        raise ProblemError(
            Problem("DAT319", problem, label="read as image", helps=("use another field type",))
        )
    if not isinstance(value, bytes) and Path(value).exists() and not Path(value).is_file():
        raise ProblemError(_unreadable(value, "it is no regular file"))
    source = io.BytesIO(value) if isinstance(value, bytes) else value
    size = _LEAST_BYTES
    try:
        with Image.open(source, formats=_FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise ProblemError(_unreadable(value, f"it has {picture.width} x {picture.height} pixels"))
            size += _MOST_PIXEL_BYTES * picture.width * picture.height
            picture.load()
            return ImageOps.exif_transpose(picture) or picture
    except _REFUSALS as error:
        refuse_if_short(error, size)
        raise ProblemError(_unreadable(value, str(error))) from None


def _from_array(value: Array) -> Image.Image:
    pixels = _bytes(_channels_first(value[None]))[0]
    if pixels.ndim != 3 or pixels.shape[0] not in _MODES:
        raise ProblemError(
            Problem("DAT319", f"an array of shape {value.shape} is no picture", label="read as image")
        )
    return Image.fromarray(
        pixels[0] if pixels.shape[0] == 1 else np.ascontiguousarray(np.moveaxis(pixels, 0, -1))
    )


def _unreadable(value: Any, because: str) -> Problem:
    what = f"`{Path(value).name}`" if isinstance(value, str | Path) else "a picture"
    if isinstance(value, str | Path) and not Path(value).exists():
        return Problem(
            "DAT311",
            f"there is no picture {what}",
            notes=(f"looked for `{value}`",),
            helps=("correct the name; relative ones start at the folder of the table",),
        )
    return Problem(
        "DAT311",
        f"{what} cannot be read as a picture",
        notes=(because,),
        helps=("remove or replace the file",),
    )


def _array(picture: Image.Image, mode: str, size: tuple[int, int], frame: Frame) -> Array:
    if picture.mode in {"I;16", "I"}:
        wide = np.asarray(picture).astype(np.int64)
        picture = Image.fromarray((wide >> 8 if wide.max(initial=0) > 255 else wide).astype(np.uint8))
    if picture.mode in {"RGBA", "LA", "PA", "P"} and mode != "RGBA":
        picture = _on_white(picture.convert("RGBA"))
    pixels = np.asarray(frame.fitted(picture.convert(mode), size, Image.Resampling.BILINEAR))
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(np.moveaxis(pixels, -1, 0))


def _on_white(picture: Image.Image) -> Image.Image:
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture)
