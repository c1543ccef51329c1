"""Masks as codes: the pixel values that files and arrays contain."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from declare.components.fields._decoding import Decoding, Frame
from declare.components.fields._images import open_image
from declare.components.fields._mask_codes import COLOURS, UNLABELLED, value_of
from declare.components.fields._pixel_arrays import as_array, axes_of, each_sample, is_table
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array

_CHUNK = 256


_CONVERTED = frozenset({"RGBX", "CMYK", "YCbCr", "HSV", "LAB"})


class Codes(NamedTuple):
    """Codes [rows, height, width] of masks of one size, int64 or unsigned with at most 16 bits.

    `palettes` maps palette indices in use to their colours; `lossy`: whether the file format changes
    values.
    """

    codes: Array
    palettes: Mapping[int, int]
    lossy: bool = False


def read_masks(values: Any, how: Decoding, *, colours: bool) -> Iterator[Codes]:
    """Yield masks in blocks, in order; palette images are read as indices, or as colours with `colours`.

    Raises `ProblemError` DAT311 and DAT319 for values that are not masks, DAT324 for ambiguous axes, DAT349
    for differing sizes, DAT392 for several frames, DAT394 for values that cannot be classes.
    """
    frame = how.frame
    if is_table(values):
        for start in range(0, len(values), _CHUNK):
            with_rows = _from_arrays(values[start : start + _CHUNK], how, start)
            yield from _resize_blocks(Codes(with_rows, {}), frame, start)
        return
    for row, value in enumerate(each_sample(values)):
        try:
            array = as_array(value)
            file_codes = _from_file(value, row, how, colours=colours) if array is None else None
            block = file_codes or Codes(_from_arrays(np.asarray(array)[None], how, row), {})
        except ProblemError as error:
            raise ProblemError(*(replace(item, row=row) for item in error.problems)) from None
        for item in _resize_blocks(block, frame, row):
            frame = frame._replace(first=frame.first or item.codes.shape[1:])
            yield item


def each_mask(values: Any, how: Decoding, *, colours: bool) -> Iterator[Array]:
    """Yield the codes [height, width] of each mask. Raises as `read_masks` does."""
    for block in read_masks(values, how, colours=colours):
        yield from block.codes


def refuse_one_hot(values: Any, how: Decoding) -> None:
    """Raise `ProblemError` DAT394 if every array has 3 or 4 channels and is one-hot at each pixel."""
    table = is_table(values)
    rows = [values] if table else each_sample(values)
    arrays = (row if table else as_array(row) for row in rows)
    shape: tuple[int, ...] = ()
    for array in arrays:
        if array is None or array.ndim != 3 + table or array.dtype.kind not in "biu":
            return
        axis = -3 if axes_of(array.shape[-3:], how) == "CHW" else -1
        if array.shape[axis] not in {3, 4} or array.min(initial=0) < 0 or array.max(initial=0) != 1:
            return
        if (array.sum(axis=axis, dtype=np.int64) != 1).any():
            return
        shape = shape or array.shape[-3:]
    if shape:
        raise ProblemError(_one_hot(shape, axes_of(shape, how)))


def _resize_blocks(block: Codes, frame: Frame, row: int) -> Iterator[Codes]:
    """Yield masks resized with nearest-neighbour interpolation."""
    size = frame.target(block.codes.shape[1:], row)
    if block.codes.shape[1:] == size:
        yield block
        return
    known, places = np.unique(block.codes, return_inverse=True)
    maps = places.reshape(block.codes.shape).astype(np.int32)
    for index in maps:
        fitted = frame.fit(Image.fromarray(index), size, Image.Resampling.NEAREST)
        yield block._replace(codes=known[np.asarray(fitted)][None])


def _from_arrays(values: Array, how: Decoding, row: int) -> Array:
    """Return arrays [rows, H, W], or with a trailing axis of one channel or of colours, as codes."""
    if values.ndim == 4:
        moved = np.moveaxis(values, 1, -1) if axes_of(values.shape[1:], how) == "CHW" else values
        if moved.shape[-1] in {3, 4}:
            return _colour_codes(moved, row)
        if moved.shape[-1] != 1:
            raise ProblemError(_no_mask(values.shape[1:]))
        values = moved[..., 0]
    if values.ndim != 3:
        raise ProblemError(_no_mask(values.shape[1:]))
    return _whole_numbers(values, row)


def _whole_numbers(values: Array, row: int) -> Array:
    """Return numbers as codes, NaN as not labelled; raises `ProblemError` DAT394 if they are not integers."""
    if values.dtype.kind != "f":
        if values.dtype.kind == "u" and values.dtype.itemsize <= 2:
            return values  # no negative numbers and few: read as they are
        if values.dtype.itemsize == 8 and values.max(initial=0) >= COLOURS:
            raise ProblemError(_not_whole(float(values.max()), row))
        return values.astype(np.int64)
    unlabelled = np.isnan(values)
    whole = np.where(unlabelled, UNLABELLED, values)
    broken = ~np.isfinite(whole) | (whole != np.rint(whole))
    if broken.any():
        first = int(np.flatnonzero(broken.reshape(len(values), -1).any(axis=1))[0])
        raise ProblemError(_not_whole(float(values[broken][0]), row + first))
    return whole.astype(np.int64)


def _colour_codes(values: Array, row: int) -> Array:
    """Return pixels [..., 3 or 4] of bytes as the codes of their colours."""
    if values.dtype.kind == "f" or values.min(initial=0) < 0 or values.max(initial=0) > 255:
        raise ProblemError(
            Problem(
                "DAT394",
                "a mask in colours contains values outside 0 to 255",
                label="read as colours",
                helps=("store colours as bytes, or one class index for each pixel",),
                row=row,
            )
        )
    wide = values.astype(np.int64)
    codes = COLOURS + (wide[..., 0] << 24) + (wide[..., 1] << 16) + (wide[..., 2] << 8)
    if values.shape[-1] == 3:
        return codes + 255
    return np.where(wide[..., 3] > 0, codes + wide[..., 3], COLOURS)  # what is clear has no colour


def _from_file(value: Any, row: int, how: Decoding, *, colours: bool) -> Codes:
    image, lossy = _open_mask(value, row, how)
    if image.mode in {"LA", "La", "PA"}:
        grey = np.asarray(image)
        if (grey[..., 1] == 255).all() and not (image.mode == "PA" and colours):
            return Codes(grey[None, ..., 0].astype(np.int64), {}, lossy)
        image = image.convert("LA" if image.mode == "La" else image.mode).convert("RGBA")
    if image.mode == "P" and not colours:
        indices = np.asarray(image)
        return Codes(indices[None].astype(np.int64), _palette(image, indices), lossy)
    if image.mode in _CONVERTED or image.mode == "P":
        image = image.convert("RGBA" if image.mode == "P" and "transparency" in image.info else "RGB")
    if image.mode == "RGBa":
        image = image.convert("RGBA")
    if image.mode in {"RGB", "RGBA"}:
        return Codes(_colour_codes(np.asarray(image)[None], row), {}, lossy)
    return Codes(_from_arrays(np.asarray(image)[None], how, row), {}, lossy)


def _open_mask(value: Any, row: int, how: Decoding) -> tuple[Image.Image, bool]:
    """Return a mask file as an image with the file's own numbers, and whether its format changes them."""
    image = open_image(value, row, how.number)
    if image.cut:
        raise ProblemError(_cut_colours())
    if image.image.mode == "1" and image.stored is not None:
        raise ProblemError(_black_stored_as_one(row))
    if image.stored is None:
        return image.image, image.lossy
    pixels, (low, high) = np.asarray(image.image), image.stored
    largest = 255 if pixels.dtype == np.uint8 else 65535
    numbers = np.rint(low + pixels * ((high - low) / largest))
    return Image.fromarray(numbers.astype(np.uint16)), image.lossy


def _palette(image: Image.Image, indices: Array) -> dict[int, int]:
    """Return the colours of the palette indices that an image uses."""
    colours = np.asarray(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
    used = [int(index) for index in np.unique(indices) if index < len(colours)]
    return {index: int(_colour_codes(colours[index][None], 0)[0]) for index in used}


def refuse_other_palette(known: Mapping[int, int], block: Codes, row: int) -> None:
    """Raise `ProblemError` DAT396 if an index has another colour than in an earlier mask."""
    for index, colour in block.palettes.items():
        if known.get(index, colour) != colour:
            raise ProblemError(
                Problem(
                    "DAT396",
                    f"palette index {index} is {value_of(colour)} here and {value_of(known[index])} elsewhere",
                    label="masks with several palettes",
                    notes=("one index may then mean different classes in different files",),
                    helps=('state the classes by colour: `classes: {road: "#804080", ...}`',),
                    row=row,
                )
            )


def _no_mask(shape: tuple[int, ...]) -> Problem:
    sizes = ", ".join(map(str, shape))
    return Problem(
        "DAT319",
        f"an array of shape ({sizes}) is not a mask",
        label="read as mask",
        helps=("store one class index [H, W], or one colour [H, W, 3], for each pixel",),
    )


def _one_hot(shape: tuple[int, ...], layout: str) -> Problem:
    axis = -3 if layout == "CHW" else -1
    return Problem(
        "DAT394",
        f"masks of shape ({', '.join(map(str, shape))}) are one-hot at each pixel, not colours",
        label="read as colours",
        notes=(
            ("one-hot classes read as colours would be nearly black, and a fourth class would be opacity"),
        ),
        helps=(f"store the class index of each pixel, [H, W]: `masks.argmax(axis={axis})`",),
    )


def _black_stored_as_one(row: int) -> Problem:
    return Problem(
        "DAT394",
        "a mask of 1 bit stores black as 1 and white as 0",
        label="which of them is class 1?",
        helps=("write it as PNG, in which white is 1, or with one class index of 8 bits for each pixel",),
        row=row,
    )


def _cut_colours() -> Problem:
    return Problem(
        "DAT394",
        "a mask has 16 bits for each colour, of which 8 can be read",
        label="read as colours",
        helps=("write colours of 8 bits, or one class index for each pixel",),
    )


def _not_whole(value: float, row: int) -> Problem:
    return Problem(
        "DAT394",
        f"a mask contains {value:.5g}, which is not a class",
        label="read as classes",
        helps=("store integers, and NaN where nothing is labelled",),
        row=row,
    )
