"""The way back through the transforms of a target. Shapes: B batch."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor


class Inverse:
    """Undoes a transform with its statistics, then those that came before it (`rest`)."""

    def __init__(
        self, transform: Any, statistics: Mapping[str, Sequence[float]], rest: "Inverse | None"
    ) -> None:
        self._transform, self._statistics, self._rest = transform, dict(statistics), rest

    def __call__(self, values: Tensor) -> Tensor:
        """Return values [B, ...] in the units before all of them."""
        values = self._transform.invert(values, self._statistics)
        return values if self._rest is None else self._rest(values)
