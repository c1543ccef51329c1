"""Logarithms."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import Field as Param

from declare.contract.kinds.transform import Transform
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array, Shape
from declare.contract.torch_types import TorchTensor


class Log(Transform):
    """Natural logarithm of value + `offset`; the sum must be positive.

    For a target it is undone (exp(value) - `offset`) in predictions and metrics, which are in the data's own
    units.

    Example:
        ```yaml
        transforms: [{type: log, field: income, offset: 1}]
        ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("log1p", "log_transform")

    invertible: ClassVar[bool] = True
    partial: ClassVar[bool] = True

    offset: float = Param(0.0, description="added before the logarithm, in the field's units")

    def infer(self, shape: Shape) -> Shape | Problem:
        """Return the same shape."""
        if shape.dtype != "float32":
            return Problem(
                "SHP511",
                f"`log` takes numbers, not {shape}",
                at="type",
                label="changes numbers",
                helps=("use a numeric field: `number`, `vector` or `series`",),
            )
        return shape

    def apply(self, values: Array, statistics: dict[str, list[float]]) -> Array:
        """Return logarithms; raises `ProblemError` DAT336 for a value without one."""
        import numpy as np

        moved = np.asarray(values, np.float64) + self.offset
        if (moved <= 0).any():
            lowest = float(np.nanmin(values))
            raise ProblemError(
                Problem(
                    "DAT336",
                    f"`log` is undefined for {lowest:g} + {self.offset:g}",
                    at="transforms",
                    helps=("raise `offset`, or clip the field first",),
                )
            )
        return np.asarray(np.log(moved))

    def invert(self, values: TorchTensor, statistics: Mapping[str, Sequence[float]]) -> TorchTensor:
        """Return exp(values) - offset."""
        return values.exp() - self.offset
