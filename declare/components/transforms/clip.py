"""Values within bounds."""

from collections.abc import Iterable
from typing import ClassVar

from pydantic import Field as Param

from declare.contract.kinds.transform import Effect, Transform
from declare.contract.problem import Problem
from declare.contract.shapes import Array, Shape


class Clip(Transform):
    """Clips values to at least `low` and at most `high`; missing values stay missing.

    It cannot be undone: predictions and metrics of a clipped target are those of the clipped values.

    Example:
        ```yaml
        transforms: [{type: clip, field: features, low: -5, high: 5}]
        ```
    """

    effect: ClassVar[Effect] = "range"
    monotone: ClassVar[bool] = True

    low: float | None = Param(None, description="lowest value, in the field's units")
    high: float | None = Param(None, description="highest value, in the field's units")

    def check(self) -> Iterable[Problem]:
        """Yield a problem for bounds that leave no values or have no effect."""
        if self.low is None and self.high is None:
            yield Problem(
                "SCH103", "clip needs `low` or `high`", label="no bound", helps=("state one of them",)
            )
        elif self.low is not None and self.high is not None and self.low >= self.high:
            title = f"`low` {self.low:g} is not below `high` {self.high:g}"
            helps = ("write the lower number as `low`",)
            yield Problem("SCH108", title, at="low", label="empty range", helps=helps)

    def infer(self, shape: Shape) -> Shape | Problem:
        """Return the same shape."""
        if shape.dtype != "float32":
            return Problem(
                "SHP511",
                f"`clip` takes numbers, not {shape}",
                at="type",
                label="changes numbers",
                helps=("use a numeric field: `number`, `vector` or `series`",),
            )
        return shape

    def apply(self, values: Array, statistics: dict[str, list[float]]) -> Array:
        """Return the clipped values."""
        import numpy as np

        return np.asarray(np.clip(values, self.low, self.high))
