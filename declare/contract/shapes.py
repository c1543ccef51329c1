"""Static shapes: what a tensor is before it exists, batch dimension left out."""

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import numpy as np

    Generator: TypeAlias = np.random.Generator
    Array: TypeAlias = np.ndarray[Any, Any]
    """A numpy array of any type; docstrings give the shape."""
else:  # the front end runs without numpy
    Array = Generator = Any

Layout = Literal[
    "vector",  # [features]
    "sequence",  # [time, features]: tokens, patches or time steps, features last
    "series",  # [channels, time]
    "image",  # [channels, height, width]: images and feature maps
    "video",  # [channels, frames, height, width]
    "number",  # []
    "category",  # [] class index, -1 where missing
    "labels",  # [classes] 0 or 1, NaN where missing
    "tokens",  # [length] token ids, -1 where the text has ended
    "tags",  # [length] class index per token, -1 where missing
    "mask",  # [height, width] class index per pixel, -1 where missing
    "counts",  # [units]
    "valid",  # [units] or [] which targets count
    "id",  # [] index of a name: subject, session
]
DType = Literal["float32", "int64", "uint8", "bool"]
Dim = int | None

AXES: dict[Layout, tuple[str, ...]] = {
    "vector": ("features",),
    "sequence": ("time", "features"),
    "series": ("channels", "time"),
    "image": ("channels", "height", "width"),
    "video": ("channels", "frames", "height", "width"),
    "number": (),
    "category": (),
    "labels": ("classes",),
    "tokens": ("length",),
    "tags": ("length",),
    "mask": ("height", "width"),
    "counts": ("units",),
    "valid": ("units",),
    "id": (),
}

PLACES: frozenset[Layout] = frozenset({"tokens", "tags", "mask", "valid"})
"""Layouts whose axes are all places, of which one sample may have more than another: they have no features."""
_STEPS = frozenset({"time", "frames", "length"})


class Shape(NamedTuple):
    """A tensor's layout, sizes (`None` varies from sample to sample) and dtype, without the batch dimension.

    `classes` is the number of indices that a `category`, `id`, `mask` or `tokens` tensor may hold, if known.
    """

    layout: Layout
    dims: tuple[Dim, ...]
    dtype: DType = "float32"
    classes: int | None = None

    @property
    def features(self) -> int | None:
        """Size of the axis that carries features: channels if there are some, else the last axis."""
        if self.layout in {"series", "image", "video"}:
            return self.dims[0]
        return self.dims[-1] if self.dims else 1

    @property
    def time_axis(self) -> int | None:
        """Return the axis along which samples may differ in length: time, frames or tokens; None if there is none."""
        return next((axis for axis, name in enumerate(AXES[self.layout]) if name in _STEPS), None)

    @property
    def numel(self) -> int | None:
        """Return the number of elements of one sample, or None if a size varies."""
        total = 1
        for dim in self.dims:
            if dim is None:
                return None
            total *= dim
        return total

    def __str__(self) -> str:
        sizes = ", ".join("?" if dim is None else str(dim) for dim in self.dims)
        return f"{self.layout}[{sizes}]"
