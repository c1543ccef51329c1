"""What the images of a column have in common: sizes, axes, scale, and grey levels in use."""

from typing import Any, NamedTuple

import numpy as np

from declare.components.fields._axes import other_way_round, unclear
from declare.components.fields._decoding import Decoding
from declare.components.fields._images import open_image
from declare.components.fields._pixel_arrays import (
    array_bytes,
    as_array,
    axes_of,
    channels_first,
    each_sample,
    is_table,
)
from declare.components.fields._pixels import decode, look
from declare.components.fields._scales import BYTES, largest_of, own_scale, scale_of_column, span
from declare.contract.problem import ProblemError
from declare.contract.shapes import Array

_LOOK = 64
"""Number of samples of a column that are decoded to examine it."""


class Survey(NamedTuple):
    """Sizes of images, how they are decoded, and the smallest and largest level of those deeper than 8 bits.

    If none is `deep`, levels are those of all images. `raw` is the largest value if all images vary but
    are read as 0; `rotated` is the number of images that EXIF data rotate.
    """

    dims: tuple[int, ...]
    how: Decoding
    levels: tuple[int, int]
    deep: bool
    raw: float | None = None
    rotated: int = 0


def survey(values: Any, how: Decoding) -> Survey:
    """Return what the images have in common; arrays decide what files leave open. Raises as `decode` does."""
    table = is_table(values)
    rows = [values] if table else each_sample(values)
    arrays = [array for array in (rows if table else map(as_array, rows)) if array is not None]
    how = how._replace(layout=look_at_axes(values, how))
    wide = [array for array in arrays if own_scale(array.dtype) is None]
    if wide and not how.stated:
        how = how._replace(scale=scale_of_column(wide))
    if table:
        pixels = decode(values[:1], how)
        levels = _levels(values, how)
        raw = None if levels[1] else largest_of([values])
        return Survey(pixels.shape[1:], how, levels, own_scale(values.dtype) != BYTES, raw)
    looks = [look(value, how, row) for row, value in enumerate(rows[:_LOOK])]
    numbers = [item.channels for item in looks] + [
        len(channels_first(array[None], how)[0]) for array in arrays
    ]
    channels = how.channels or max(numbers)
    pixels = decode(rows[:_LOOK], how._replace(channels=channels))
    deep = np.array([item.deep for item in looks])
    seen = pixels[deep] if deep.any() else pixels
    levels, raw = (int(seen.min()), int(seen.max())), None
    if deep.any() and not levels[1]:
        raw = largest_of(_source(rows[row], int(row), how) for row in np.flatnonzero(deep))
    return Survey(pixels.shape[1:], how, levels, bool(deep.any()), raw, sum(item.rotated for item in looks))


def _source(value: Any, row: int, how: Decoding) -> Array:
    """Return an image's values as stored."""
    array = as_array(value)
    return np.asarray(open_image(value, row, how.number).image) if array is None else array


def look_at_axes(values: Any, how: Decoding) -> str | None:
    """Return the one layout of all arrays with a channel axis, None without any; DAT324 if it is ambiguous."""
    arrays = [values[0]] if is_table(values) else map(as_array, each_sample(values))
    shapes = dict.fromkeys(array.shape for array in arrays if array is not None and array.ndim == 3)
    by_layout = {axes_of(shape, how): shape for shape in shapes}
    if len(by_layout) > 1:
        raise ProblemError(unclear(next(iter(shapes)), sorted(by_layout)))
    for layout, shape in by_layout.items():
        ends = {"CHW": shape[0], "HWC": shape[2]}
        other = "HWC" if layout == "CHW" else "CHW"
        if how.channels is not None and ends[layout] != how.channels == ends[other]:
            raise ProblemError(other_way_round("layout", f"{ends[layout]} channels as {layout}", [other]))
    return next(iter(by_layout), how.layout)


def _levels(table: Array, how: Decoding) -> tuple[int, int]:
    """Return the smallest and largest level of an array; raises `ProblemError` DAT390 outside its scale."""
    if how.stated:
        pixels = array_bytes(table, how)
        return int(pixels.min()), int(pixels.max())
    seen = span([table])
    ends = np.array([seen.least, seen.largest]).astype(table.dtype)
    low, high = array_bytes(ends, how).tolist()
    return low, high
