"""A series at another rate."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from pydantic import Field as Param

from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.contract.transform import Transform

if TYPE_CHECKING:
    import numpy as np


class Resample(Transform):
    """Change a series [channels, time] from its rate to `rate` by polyphase filtering (antialiased).

    Source: scipy.signal.resample_poly. `from_rate` says the present rate where the field does not.

    Example:
        ```yaml
        transforms: [{type: resample, field: eeg, from_rate: 250, rate: 100}]
        ```
    """

    rate: float = Param(gt=0, description="samples per second afterwards (Hz)")
    from_rate: float | None = Param(None, gt=0, description="samples per second before (Hz)")

    def _factors(self) -> tuple[int, int]:
        ratio = Fraction(self.rate / (self.from_rate or self.rate)).limit_denominator(10_000)
        return ratio.numerator, ratio.denominator

    def infer(self, shape: Shape) -> Shape | Problem:
        """Return the series with its new length."""
        if shape.layout != "series":
            return Problem("SHP511", f"resample takes a series, not {shape}")
        if self.from_rate is None:
            return Problem("SHP512", "resample does not know the present rate", helps=("state `from_rate`",))
        up, down = self._factors()
        length = None if shape.dims[1] is None else -(-shape.dims[1] * up // down)
        return shape._replace(dims=(shape.dims[0], length))

    def apply(self, values: np.ndarray[Any, Any], statistics: dict[str, list[float]]) -> np.ndarray[Any, Any]:
        """Return [rows, channels, time] at the new rate."""
        import numpy as np
        from scipy.signal import resample_poly

        up, down = self._factors()
        return np.asarray(resample_poly(values, up, down, axis=-1), np.float32)
