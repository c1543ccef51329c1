"""Pictures as arrays of bytes: axes, scale, channels, sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from declare.components.fields._axes import other_way_round, unclear
from declare.components.fields._pictures import DEEP, GREY, Picture, name_of, open_picture
from declare.components.fields._scales import (
    BYTES,
    Scale,
    largest_of,
    limits,
    own_scale,
    refuse_beyond,
    scale_of_column,
    span,
    to_bytes,
    usual_scale,
)
from declare.contract.problem import Problem, ProblemError

Array = np.ndarray[Any, Any]
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_CLEAR = {"LA": "LA", "La": "LA", "PA": "RGBA", "RGBA": "RGBA", "RGBa": "RGBA"}
"""Modes with transparency, and the mode that they are read as."""
_CHANNELS = frozenset({1, 2, 3, 4})
"""Sizes of an axis that may be one of channels."""


_LOOK = 64
"""Samples of a column that are decoded to see what they are."""


def is_table(values: Any) -> bool:
    """Return whether `values` is one array of pictures."""
    return isinstance(values, np.ndarray) and values.ndim >= 3 and values.dtype.kind in "biuf"


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

    def target(self, own: tuple[int, int], row: int) -> tuple[int, int]:
        """Return the size that a picture gets; raises `ProblemError` DAT349 where equal ones are needed."""
        size = self.stated or self.known or own
        if self.stated is None and own != size:
            raise ProblemError(differing(size, own, row))
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


def decode(values: Any, how: Decoding) -> Array:
    """Return pictures as uint8 [rows, channels, height, width].

    Raises `ProblemError` DAT311 for what is no picture, DAT319 for arrays of another form, DAT324 for axes that may
    be either way round, DAT349 for several sizes, DAT390 for pixels outside of their scale, DAT391 for colours that
    would be left out and DAT392 for files of several frames.
    """
    if is_table(values):
        table = channels_first(values, how)
        if how.frame.stated is None and how.frame.known not in {None, table.shape[2:]}:
            raise ProblemError(differing(how.frame.known or (0, 0), table.shape[2:], 0))
        if how.frame.stated in {None, table.shape[2:]} and how.channels in {None, table.shape[1]}:
            return array_bytes(table, how)
        how = how._replace(layout="CHW")
        values = table
    values = each_sample(values)
    looks = (look(value, how, row) for row, value in enumerate(values))
    channels = how.channels or max((channels for channels, _ in looks), default=3)
    # One after the other: whole pictures may be a thousand times larger than what is kept of them.
    return np.stack(list(_decoded(values, how._replace(channels=channels))))


class Survey(NamedTuple):
    """What pictures are: their sizes, how they are read, and the least and largest level of those deeper than a byte.

    Where none is `deep`, levels are those of all. `raw` is the largest value where all differ but are read as 0.
    """

    dims: tuple[int, ...]
    how: Decoding
    levels: tuple[int, int]
    deep: bool
    raw: float | None = None


def survey(values: Any, how: Decoding) -> Survey:
    """Return what pictures are; what they leave open is decided by all arrays among them. Raises as `decode` does."""
    table = is_table(values)
    rows = [values] if table else each_sample(values)
    arrays = [array for array in (rows if table else map(as_array, rows)) if array is not None]
    how = how._replace(layout=look_at_axes(values, how))
    wide = [array for array in arrays if own_scale(array.dtype) is None]
    if wide and not how.stated:
        how = how._replace(scale=scale_of_column(wide))
    if table:
        found = decode(values[:1], how)
        levels = _levels(values, how)
        raw = None if levels[1] else largest_of([values])
        return Survey(found.shape[1:], how, levels, own_scale(values.dtype) != BYTES, raw)
    looks = [look(value, how, row) for row, value in enumerate(rows[:_LOOK])]
    numbers = [number for number, _ in looks] + [len(channels_first(array[None], how)[0]) for array in arrays]
    channels = how.channels or max(numbers)
    found = decode(rows[:_LOOK], how._replace(channels=channels))
    deep = np.array([deep for _, deep in looks])
    seen = found[deep] if deep.any() else found
    levels, raw = (int(seen.min()), int(seen.max())), None
    if deep.any() and not levels[1]:
        raw = largest_of(_source(rows[row], int(row), how) for row in np.flatnonzero(deep))
    return Survey(found.shape[1:], how, levels, bool(deep.any()), raw)


def _source(value: Any, row: int, how: Decoding) -> Array:
    """Return a picture's values as they are stored."""
    array = as_array(value)
    return np.asarray(open_picture(value, row, how.number).image) if array is None else array


def look_at_axes(values: Any, how: Decoding) -> str | None:
    """Return the one layout of all arrays with an axis of channels, None without any; DAT324 where it is unclear."""
    arrays = [values[0]] if is_table(values) else map(as_array, each_sample(values))
    shapes = dict.fromkeys(array.shape for array in arrays if array is not None and array.ndim == 3)
    found = {axes_of(shape, how): shape for shape in shapes}
    if len(found) > 1:
        raise ProblemError(unclear(next(iter(shapes)), sorted(found)))
    for layout, shape in found.items():
        ends = {"CHW": shape[0], "HWC": shape[2]}
        other = "HWC" if layout == "CHW" else "CHW"
        if how.channels is not None and ends[layout] != how.channels == ends[other]:
            raise ProblemError(other_way_round("layout", f"{ends[layout]} channels as {layout}", [other]))
    return next(iter(found), how.layout)


def _levels(table: Array, how: Decoding) -> tuple[int, int]:
    """Return the least and largest level of an array; raises `ProblemError` DAT390 for values outside of a scale."""
    if how.stated:
        found = array_bytes(table, how)
        return int(found.min()), int(found.max())
    seen = span([table])
    ends = np.array([seen.least, seen.largest]).astype(table.dtype)
    low, high = array_bytes(ends, how).tolist()
    return low, high


def _decoded(values: Sequence[Any], how: Decoding) -> Iterator[Array]:
    """Yield pictures [channels, height, width] of one size."""
    frame = how.frame
    for row, value in enumerate(values):
        try:
            planes = _planes(value, row, how)
        except ProblemError as error:
            raise ProblemError(*(replace(item, row=row) for item in error.problems)) from None
        size = frame.target(planes[0].size[::-1], row)
        frame = frame._replace(known=frame.known or size)
        fitted = [np.asarray(frame.fitted(plane, size, Image.Resampling.BILINEAR)) for plane in planes]
        yield np.stack(fitted) if fitted[0].ndim == 2 else np.ascontiguousarray(np.moveaxis(fitted[0], -1, 0))


def _planes(value: Any, row: int, how: Decoding) -> list[Image.Image]:
    """Return a picture of `how.channels` as one of Pillow's, or as one for each channel."""
    array = as_array(value)
    if array is None:
        picture = eight_bits(open_picture(value, row, how.number), how, name_of(value))
    else:
        pixels = array_bytes(channels_first(array[None], how), how)[0]
        if len(pixels) == how.channels:
            return [Image.fromarray(plane) for plane in pixels]
        if len(pixels) not in _MODES:
            raise ProblemError(_no_picture(array.shape))
        whole = pixels[0] if len(pixels) == 1 else np.ascontiguousarray(np.moveaxis(pixels, 0, -1))
        picture = Image.fromarray(whole)
    return [_with_channels(picture, how, name_of(value))]


def each_sample(values: Any) -> list[Any]:
    """Return samples one by one; DAT319 for rows of numbers.

    Encoded files are bytes, also where an array of bytes (HDF5) or a mapping (`datasets`' own tables) holds them.
    """
    if isinstance(values, np.ndarray) and values.ndim == 2:
        raise ProblemError(_no_picture(values.shape[1:]))
    return [_unpacked(value) for value in values]


def _unpacked(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype == np.uint8 and value.ndim == 1:
        return value.tobytes()
    if isinstance(value, dict) and isinstance(value.get("bytes"), bytes):
        return value["bytes"]
    return value


def as_array(value: Any) -> Array | None:
    """Return an array or nested lists of numbers as an array; None for what is none.

    Raises `ProblemError` DAT319 for an array that can be no picture.
    """
    if isinstance(value, list | tuple):
        try:
            value = np.asarray(value)
        except ValueError:
            raise ProblemError(_no_picture(("?",))) from None
    if not isinstance(value, np.ndarray):
        return None
    if value.ndim not in {2, 3} or value.dtype.kind not in "biuf":
        raise ProblemError(_no_picture(value.shape))
    return value


def look(value: Any, how: Decoding, row: int = 0) -> tuple[int, bool]:
    """Return how many channels a value has (a grey file 1, one in colour 3), and whether its pixels are not bytes."""
    array = as_array(value)
    if array is not None:
        return int(channels_first(array[None], how).shape[1]), own_scale(array.dtype) != BYTES
    mode = open_picture(value, row, how.number).image.mode
    return 1 if mode in GREY else 3, mode in DEEP


def channels_first(values: Array, how: Decoding) -> Array:
    """Return arrays [rows, H, W], [rows, H, W, C] or [rows, C, H, W] as [rows, C, H, W]."""
    if values.ndim == 3:
        return values[:, None]
    if values.ndim != 4:
        raise ProblemError(_no_picture(values.shape[1:]))
    return np.moveaxis(values, -1, 1) if axes_of(values.shape[1:], how) == "HWC" else values


def axes_of(shape: tuple[int, ...], how: Decoding) -> str:
    """Return `HWC` or `CHW` for one picture's shape; raises `ProblemError` DAT324 where it may be either."""
    if how.layout is not None or len(shape) != 3:
        return how.layout or "HW"
    sizes = {how.channels} if how.channels in {shape[0], shape[2]} else _CHANNELS
    fitting = [name for name, size in (("CHW", shape[0]), ("HWC", shape[2])) if size in sizes]
    if len(fitting) != 1:
        raise ProblemError(unclear(shape, ("HWC", "CHW")))
    return fitting[0]


def array_bytes(table: Array, how: Decoding) -> Array:
    """Return an array [rows, C, H, W] as uint8, on the scale that is stated, learned, or its type's own."""
    own = own_scale(table.dtype)
    if how.stated and how.scale is not None:
        refuse_beyond(how.scale, limits(table.dtype), f"`{table.dtype.name}`")
        return to_bytes(table, how.scale, stated=True)
    return to_bytes(table, own or how.scale or usual_scale(table.dtype))


def eight_bits(picture: Picture, how: Decoding, name: str) -> Image.Image:
    """Return a picture of mode L, LA, RGB or RGBA, on the scale that is stated or that its depth says."""
    image, scale = picture.image, picture.scale
    if how.stated and how.scale is not None:
        refuse_beyond(
            how.scale, None if image.mode == "F" or scale is None else Scale(min(scale), max(scale)), name
        )
        scale = how.scale if scale is None or scale.low <= scale.high else Scale(*reversed(how.scale))
    if image.mode in DEEP:
        return _from_deep(image, scale, stated=how.stated, name=name)
    plain = _plain(image)
    if scale in {None, BYTES}:
        return plain
    whole = np.asarray(plain)
    colours = whole[..., None] if whole.ndim == 2 else whole[..., : 3 if whole.shape[-1] > 2 else 1]
    scaled = to_bytes(colours[None], scale or BYTES, stated=True)[0]
    rest = whole[..., colours.shape[-1] :] if whole.ndim == 3 else whole[..., None][..., 1:]
    joined = np.concatenate([scaled, rest], axis=-1)
    return Image.fromarray(joined[..., 0] if joined.shape[-1] == 1 else joined)


def _from_deep(image: Image.Image, scale: Scale | None, *, stated: bool, name: str) -> Image.Image:
    values = np.asarray(image)
    if scale is None:
        raise ProblemError(_no_scale(name, values))
    found = to_bytes(values[None], scale, stated=stated)[0]
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        found = np.where(values == clear, np.uint8(255), found)
    return Image.fromarray(found)


def _plain(image: Image.Image) -> Image.Image:
    """Return a picture of bytes as one of mode L, LA, RGB or RGBA."""
    if image.mode == "LAB":
        return _from_lab(image)
    mode = image.mode
    clear = "transparency" in image.info or (
        mode == "P" and image.palette and image.palette.mode.endswith("A")
    )
    if clear and mode not in _CLEAR:
        return image.convert("RGBA")
    return _as(image, _CLEAR.get(mode) or ("L" if mode in {"1", "L"} else "RGB"))


def _as(image: Image.Image, mode: str) -> Image.Image:
    return image if image.mode == mode else image.convert(mode)


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    found = ImageCms.profileToProfile(image, lab, rgb, outputMode="RGB")
    assert found is not None, "only a change in place gives nothing back"
    return found


def _with_channels(picture: Image.Image, how: Decoding, name: str) -> Image.Image:
    """Return a picture of mode L, LA, RGB or RGBA with the channels that are asked for, transparency on white."""
    if how.channels not in _MODES:
        said = f"`channels` is {how.channels}, pictures have 1 (grey), 3 (RGB) or 4 (RGBA)"
        raise ProblemError(Problem("SCH108", said, at="channels", helps=("only arrays have other numbers",)))
    mode = _MODES[how.channels]
    if picture.mode in {"LA", "RGBA"} and mode != "RGBA":
        picture = _on_white(_as(picture, "RGBA"))
    if mode == "L" and not how.converts and picture.mode == "RGB" and not _is_grey(picture):
        raise ProblemError(_in_colour(name))
    return _as(picture, mode)


def _is_grey(picture: Image.Image) -> bool:
    pixels = np.asarray(picture)
    return bool((pixels == pixels[..., :1]).all())


def _on_white(picture: Image.Image) -> Image.Image:
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB")


def _no_picture(shape: tuple[Any, ...]) -> Problem:
    said = ", ".join(map(str, shape))
    return Problem(
        "DAT319",
        f"an array of shape ({said}) is no picture",
        label="read as image",
        helps=("give pictures [H, W], [H, W, C] or [C, H, W] of numbers",),
    )


def _no_scale(name: str, values: Array) -> Problem:
    return Problem(
        "DAT390",
        f"{name} holds {values.min():.5g} to {values.max():.5g}, its depth says no scale",
        label="pixels without a scale",
        notes=("signed and 32-bit numbers have no usual black and white",),
        helps=("state the values of black and white, such as `range: [0, 4095]`",),
    )


def _in_colour(name: str) -> Problem:
    return Problem(
        "DAT391",
        f"{name} is in colour, the pictures looked at first are grey",
        at="channels",
        label="grey by the others",
        helps=("state `channels: 1` to make all of them grey, or `channels: 3` to keep colours",),
    )
