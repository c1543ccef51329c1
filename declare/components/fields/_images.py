"""Image files, encoded bytes and Pillow images: opening them, and what their bit depth means."""

import io
import logging
import re
import warnings
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from declare.components.fields._jpeg2000 import samples_of
from declare.components.fields._scales import Scale
from declare.contract.files.image_formats import formats_of
from declare.contract.problem import Problem, ProblemError
from declare.system.out_of_memory import refuse_if_short

MAX_PIXELS = 64_000_000
MAX_FRAME_PIXELS = 640_000_000
"""Maximum number of pixels of the frames that are decoded before the one that is read."""
MAX_SCAN_PIXELS = 1_280_000_000
"""Maximum number of pixels over all scans of a progressive JPEG; encoders write about ten scans."""
_SCANNED, _SCAN = frozenset({"JPEG", "MPO"}), b"\xff\xda"
_SMALL_PIXELS = 1_000_000
MAX_PAGES = 10_000
"""Maximum number of pages before the one that is read."""
_COUNTED = 100
_LEAST_BYTES, _MOST_PIXEL_BYTES = 16 << 20, 8
"""Memory that decoding needs: the decoder's own buffers, and two copies of each pixel."""
# Larger images are refused by their header: the library's warning and its log would add nothing.
logging.getLogger("PIL").addHandler(logging.NullHandler())
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
GREY = frozenset({"1", "L", "LA", "La", "I", "F", "I;16", "I;16L", "I;16B", "I;16N"})
DEEP = frozenset({"I", "F", "I;16", "I;16L", "I;16B", "I;16N"})
"""Modes whose pixels are not bytes."""
_SCALED_TO_16 = frozenset({"PNG", "PPM", "JPEG2000"})
"""Formats whose mode I pixels Pillow has scaled to 0..65535, whatever the bit depth of the file."""
_FRAMES = frozenset({"AVIF", "DCX", "FLI", "GIF", "PNG", "TIFF", "WEBP"})
"""Formats whose frames are separate images; in others, frames are sizes or layers of one image."""
_DRAWN_ON_OTHERS = frozenset({"AVIF", "FLI", "GIF", "PNG", "WEBP"})
"""Formats in which decoding a frame needs the frames before it."""
_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT, _ORIENTATION = 258, 262, 339, 274
"""Tags of TIFF and EXIF."""
_WHITE_IS_ZERO, _UNSIGNED, _SIGNED = 0, (1,), (2,)
"""Values of these tags."""
_FEW_BITS = re.compile(r"L;([24])")
"""How Pillow calls grey of 2 and 4 bits."""
_LOSSY = frozenset({"AVIF", "JPEG", "MPO"})
_LOSSY_TIFF = frozenset({"jpeg", "tiff_jpeg", "webp"})
_LOSSY_MARKS = {"WEBP": rb"VP8 ", "JPEG2000": rb"(?s)\xff\x52\x00.{10}\x00"}
"""First bytes of files in formats with a lossy and a lossless variant."""
_HEAD = 1 << 16
_MISREAD_SAMPLES = "colours of JPEG 2000 are read with 8 bits and without signs alone: write it so, or as PNG"


class DecodedImage(NamedTuple):
    """A decoded image, upright; `scale` is black and white by the bit depth, None if it does not define them.

    `lossy`: whether the file format changes pixel values. `stored` has the file's numbers for pixel 0 and for
    the largest pixel value if Pillow scaled or inverted them; `cut`: Pillow dropped 8 of 16 bits; `rotated`: EXIF
    data rotate or mirror it.
    """

    image: Image.Image
    scale: Scale | None
    lossy: bool = False
    stored: Scale | None = None
    cut: bool = False
    rotated: bool = False


def num_rotated(values: Iterable[Any]) -> int:
    """Return how many image files, or encoded bytes, have EXIF data by which they are rotated or mirrored."""
    number = 0
    for value in values:
        if isinstance(value, bytes | str | Path):
            with (
                suppress(Exception),
                Image.open(_source(value)) as image,
            ):  # broken files are reported elsewhere
                number += _is_rotated(image)
    return number


def _is_rotated(image: Image.Image) -> bool:
    return image.getexif().get(_ORIENTATION, 1) in range(2, 9)


def is_image(value: Any) -> bool:
    """Return whether a value is an image file, encoded bytes, or a Pillow image."""
    return isinstance(value, Image.Image | bytes | str | Path)


def open_image(value: Any, row: int, frame: int | None = None) -> DecodedImage:
    """Return the image at `row`.

    Raises `ProblemError` DAT311 for values that cannot be decoded, DAT319 for values that are not images,
    DAT392 for a file with several frames if `frame` is not stated.
    """
    try:
        return _open(value, frame)
    except ProblemError as error:
        raise ProblemError(replace(error.problem, row=row)) from None


def _open(value: Any, frame: int | None) -> DecodedImage:
    if value is None:
        raise ProblemError(Problem("DAT311", "a sample has no image", helps=("remove the sample",)))
    if not is_image(value):
        problem = f"a value of type `{type(value).__name__}` is not an image"
        raise ProblemError(
            Problem("DAT319", problem, label="read as image", helps=("use another field type",))
        )
    size = _LEAST_BYTES
    try:
        if isinstance(value, Image.Image):
            return _load_upright(value, value, frame)
        suffix = "" if isinstance(value, bytes) else Path(value).suffix.lower()
        with Image.open(_source(value), formats=formats_of(suffix)) as image:
            _refuse_huge(image, value)
            _refuse_scans(image, value)
            size += _MOST_PIXEL_BYTES * image.width * image.height
            return _load_upright(image, value, frame)
    except ProblemError:
        raise
    except Exception as error:  # noqa: BLE001 - decoders raise their own, of every kind
        refuse_if_short(error, size)
        raise ProblemError(_unreadable(value, str(error))) from None


def _source(value: Any) -> Any:
    if isinstance(value, bytes):
        return io.BytesIO(value)
    if _exists(value) and not Path(value).is_file():
        raise ProblemError(_unreadable(value, "it is not a regular file"))
    return value


def _exists(value: Any) -> bool:
    """Return whether a path exists; texts that cannot be paths do not."""
    try:
        return Path(value).exists()
    except (OSError, ValueError):
        return False


def _refuse_huge(image: Image.Image, value: Any) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise ProblemError(_unreadable(value, f"it has {image.width} x {image.height} pixels"))


def _num_frames(image: Image.Image) -> int:
    """Return the number of frames; at most `_COUNTED` for formats whose pages must be walked to count them."""
    if image.format != "TIFF":
        return int(getattr(image, "n_frames", 1)) if getattr(image, "is_animated", False) else 1
    number = 1
    with suppress(EOFError):
        while number < _COUNTED:
            image.seek(number)
            number += 1
    image.seek(0)
    return number


def _refuse_scans(image: Image.Image, value: Any) -> None:
    """Raise `ProblemError` DAT311 for a progressive JPEG with very many scans."""
    pixels = image.width * image.height
    if image.format in _SCANNED and pixels > _SMALL_PIXELS:
        scans = (value if isinstance(value, bytes) else Path(value).read_bytes()).count(_SCAN)
        if scans * pixels > MAX_SCAN_PIXELS:
            raise ProblemError(_unreadable(value, f"it has {scans:,} scans of {pixels:,} pixels"))


def _refuse_far(image: Image.Image, value: Any, frame: int) -> None:
    """Raise `ProblemError` DAT311 for a frame whose decoding needs very many others."""
    if frame > MAX_PAGES:
        raise ProblemError(
            _unreadable(value, f"frame {frame} comes after more than {MAX_PAGES:,} other frames")
        )
    pixels = frame * image.width * image.height
    if image.format in _DRAWN_ON_OTHERS and pixels > MAX_FRAME_PIXELS:
        raise ProblemError(
            _unreadable(value, f"decoding frame {frame} needs {pixels:,} pixels of other frames")
        )


def _load_upright(image: Image.Image, value: Any, frame: int | None) -> DecodedImage:
    """Load an image's pixels and apply its EXIF rotation."""
    if frame is not None:
        if frame or _num_frames(image) > 1:
            _refuse_far(image, value, frame)
            image.seek(frame)
    elif image.format in _FRAMES and (number := _num_frames(image)) > 1:
        raise ProblemError(_several_frames(value, number))
    stored, cut, samples = _stored_scale(image), _is_cut(image), samples_of(image)
    if samples is not None and samples.is_misread(image.mode):
        raise ProblemError(_unreadable(value, _MISREAD_SAMPLES))
    image.load()
    _refuse_misread_sign(image, value)
    tags = getattr(image, "tag_v2", {})
    scale = depth(image)
    if samples is not None and (shift := samples.shift(image.mode)):
        largest = 2**samples.bits - 1
        scale = Scale(0, largest << shift)
        stored = Scale(0, (255 if image.mode == "L" else 65535) / 2**shift)
    if image.mode in DEEP and scale is not None and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        scale = Scale(scale.high, scale.low)  # of bytes Pillow has turned it already
    rotated = _is_rotated(image)
    upright = (ImageOps.exif_transpose(image) or image) if rotated else image  # without one Pillow copies it
    return DecodedImage(upright, scale, _is_lossy(image, value), stored, cut, rotated)


def _tile(image: Image.Image) -> tuple[str, str, tuple[Any, ...]]:
    """Return the decoder of an image that is not loaded yet, its name for the pixels, and its other arguments."""
    tile = next(iter(getattr(image, "tile", ())), None)
    if tile is None:
        return "", "", ()
    pixels, *others = tile.args if isinstance(tile.args, tuple) else (tile.args,)
    return tile.codec_name, str(pixels), tuple(others)


def _stored_scale(image: Image.Image) -> Scale | None:
    """Return the file's numbers for 0 and for the largest value of grey, None if they are its own."""
    decoder, pixels, others = _tile(image)
    if image.mode == "1":
        is_turned = (
            pixels.startswith("1;I") or getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO
        )
        return Scale(1, 0) if is_turned else None
    if decoder.startswith("ppm") and image.mode in GREY:
        return Scale(0, int(others[0]))
    few = _FEW_BITS.match(pixels)
    largest = 2 ** int(few[1]) - 1 if few else 255
    if image.mode == "L" and getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        return Scale(largest, 0)
    return Scale(0, largest) if few else None


def _is_cut(image: Image.Image) -> bool:
    """Return whether Pillow reads the upper 8 of 16 bits."""
    decoder, pixels, others = _tile(image)
    if decoder.startswith("ppm"):
        return image.mode == "RGB" and int(others[0]) > 255
    bits = getattr(image, "tag_v2", {}).get(_BITS, (8,))
    return decoder == "SGI16" or (image.mode not in DEEP and (";16" in pixels or max(bits) > 8))


def _refuse_misread_sign(image: Image.Image, value: Any) -> None:
    """Raise `ProblemError` DAT311 for a TIFF whose signed numbers Pillow reads as unsigned, or the reverse."""
    if image.format != "TIFF":
        return
    kind = getattr(image, "tag_v2", {}).get(_SAMPLE_FORMAT, _UNSIGNED)
    if image.mode == "L" and kind == _SIGNED:
        raise ProblemError(_unreadable(value, "it holds signed bytes: write them with 16 bits"))
    if image.mode == "I" and kind == _UNSIGNED and int(np.asarray(image).min(initial=0)) < 0:
        raise ProblemError(_unreadable(value, "it holds numbers of 2**31 and more: write them as floats"))


def _is_lossy(image: Image.Image, value: Any) -> bool:
    """Return whether a format, or the variant of a file, changes pixel values."""
    if image.format == "TIFF":
        return image.info.get("compression") in _LOSSY_TIFF
    mark = _LOSSY_MARKS.get(image.format or "")
    if mark is None or isinstance(value, Image.Image):
        return image.format in _LOSSY
    if isinstance(value, bytes):
        return re.search(mark, value[:_HEAD]) is not None
    with Path(value).open("rb") as file:
        return re.search(mark, file.read(_HEAD)) is not None


def depth(image: Image.Image) -> Scale | None:
    """Return the values of black and white by format, mode and bit depth; None if these do not define them."""
    if image.mode not in DEEP:
        return Scale(0, 255)
    if image.mode == "F":
        return Scale(0, 1)
    if image.mode == "I":
        return Scale(0, 65535) if image.format in _SCALED_TO_16 else None
    bits = getattr(image, "tag_v2", {}).get(_BITS, (16,))
    return Scale(0, 2 ** int(bits[0]) - 1)


def name_of(value: Any) -> str:
    """Return the name of an image for messages."""
    return f"`{Path(value).name[:60]}`" if isinstance(value, str | Path) else "an image"


def _several_frames(value: Any, number: int) -> Problem:
    return Problem(
        "DAT392",
        (
            f"{name_of(value)} contains {number} "
            f"{'or more ' if number == _COUNTED else ''}frames, but a sample is one image"
        ),
        label="one image is needed",
        helps=("state which frame is read: `frame: 0` is the first", "save each frame as a separate file"),
    )


def _unreadable(value: Any, because: str) -> Problem:
    what = name_of(value)
    if isinstance(value, str | Path) and not _exists(value):
        return Problem(
            "DAT311",
            f"the image {what} does not exist",
            notes=(f"looked for `{str(value)[:200]}`",),
            helps=("correct the name; relative paths start at the folder of the table",),
        )
    return Problem(
        "DAT311",
        f"{what} cannot be read as an image",
        notes=(because or "damaged",),
        helps=("remove or replace the file",),
    )
