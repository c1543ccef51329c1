"""Arrays of pixels: iterating over samples, channel axes, conversion to bytes."""

from typing import Any

import numpy as np

from declare.components.fields._axes import CHANNELS, unclear
from declare.components.fields._decoding import Decoding
from declare.components.fields._scales import limits, own_scale, refuse_beyond, to_bytes, usual_scale
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array


def is_table(values: Any) -> bool:
    """Return whether `values` is a single array of images."""
    return isinstance(values, np.ndarray) and values.ndim >= 3 and values.dtype.kind in "biuf"


def each_sample(values: Any) -> list[Any]:
    """Yield the samples; raises DAT319 for rows of numbers.

    Encoded files are bytes, including byte arrays (HDF5) and mappings (tables of `datasets`).
    """
    if isinstance(values, np.ndarray) and values.ndim == 2:
        raise ProblemError(not_an_image(values.shape[1:]))
    return [_encoded_file(value) for value in values]


def _encoded_file(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype == np.uint8 and value.ndim == 1:
        return value.tobytes()
    if isinstance(value, dict) and isinstance(value.get("bytes"), bytes):
        return value["bytes"]
    return value


def as_array(value: Any) -> Array | None:
    """Return an array, or nested lists of numbers as an array; None for anything else.

    Raises `ProblemError` DAT319 for an array that cannot be an image.
    """
    if isinstance(value, list | tuple):
        try:
            value = np.asarray(value)
        except ValueError:
            raise ProblemError(not_an_image(("?",))) from None
    if not isinstance(value, np.ndarray):
        return None
    if value.ndim not in {2, 3} or value.dtype.kind not in "biuf":
        raise ProblemError(not_an_image(value.shape))
    return value


def channels_first(values: Array, how: Decoding) -> Array:
    """Return arrays [rows, H, W], [rows, H, W, C] or [rows, C, H, W] as [rows, C, H, W]."""
    if values.ndim == 3:
        return values[:, None]
    if values.ndim != 4:
        raise ProblemError(not_an_image(values.shape[1:]))
    return np.moveaxis(values, -1, 1) if axes_of(values.shape[1:], how) == "HWC" else values


def axes_of(shape: tuple[int, ...], how: Decoding) -> str:
    """Return `HWC` or `CHW` for the shape of one image; raises `ProblemError` DAT324 if it is ambiguous."""
    if how.layout is not None or len(shape) != 3:
        return how.layout or "HW"
    sizes = {how.channels} if how.channels in {shape[0], shape[2]} else CHANNELS
    fitting = [name for name, size in (("CHW", shape[0]), ("HWC", shape[2])) if size in sizes]
    if len(fitting) != 1:
        raise ProblemError(unclear(shape, ("HWC", "CHW")))
    return fitting[0]


def array_bytes(table: Array, how: Decoding) -> Array:
    """Return an array [rows, C, H, W] as uint8, by the stated scale, the inferred one, or that of its type."""
    type_scale = own_scale(table.dtype)
    if how.stated and how.scale is not None:
        refuse_beyond(how.scale, limits(table.dtype), f"`{table.dtype.name}`")
        return to_bytes(table, how.scale, stated=True)
    return to_bytes(table, type_scale or how.scale or usual_scale(table.dtype))


def not_an_image(shape: tuple[Any, ...]) -> Problem:
    sizes = ", ".join(map(str, shape))
    return Problem(
        "DAT319",
        f"an array of shape ({sizes}) is not an image",
        label="read as image",
        helps=("store images as arrays [H, W], [H, W, C] or [C, H, W] of numbers",),
    )
