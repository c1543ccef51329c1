"""One value for each channel of a series."""

from typing import Any, ClassVar, Literal

from pydantic import Field as Param

from declare.contract.kinds.transform import Effect, Transform
from declare.contract.problem import Problem
from declare.contract.shapes import Array, Shape


class TemporalPool(Transform):
    """Pools a series [channels, time] over time to a vector [channels]; NaN time steps are ignored.

    Example:
        ```yaml
        transforms: [{type: temporal_pool, field: features, mode: mean}]
        ```
    """

    effect: ClassVar[Effect] = "places"

    mode: Literal["mean", "max", "min", "std", "last"] = Param(
        "mean", description="how the time steps of a channel are pooled"
    )

    def infer(self, shape: Shape) -> Shape | Problem:
        """Return a vector with one feature for each channel."""
        if shape.layout != "series":
            return Problem(
                "SHP511",
                f"`temporal_pool` takes a series, not {shape}",
                at="type",
                label="changes series",
                helps=("use a `series` field, or remove the transform",),
            )
        return Shape("vector", shape.dims[:1])

    def apply(self, values: Array, statistics: dict[str, list[float]]) -> Array:
        """Return [rows, channels] for [rows, channels, time]."""
        import numpy as np

        if self.mode == "last":
            return _last(values)
        values = values.astype(np.float64)
        reduce: Any = {"mean": np.mean, "max": np.max, "min": np.min, "std": np.std}[self.mode]
        if np.isnan(values).any():
            empty = np.isnan(values).all(axis=-1)
            kept = np.where(empty[..., None], 0.0, values)
            known: Any = {"mean": np.nanmean, "max": np.nanmax, "min": np.nanmin, "std": np.nanstd}[self.mode]
            return np.asarray(np.where(empty, np.nan, known(kept, axis=-1)))
        return np.asarray(reduce(values, axis=-1))


def _last(values: Array) -> Array:
    """Return the last value of each channel that is not NaN."""
    import numpy as np

    known = ~np.isnan(values)
    behind = np.argmax(known[..., ::-1], axis=-1)[..., None]
    last = np.take_along_axis(values, values.shape[-1] - 1 - behind, axis=-1)
    return np.asarray(last[..., 0])
