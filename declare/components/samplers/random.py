"""Every sample once an epoch, in random order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from declare.contract.kinds.sampler import Sampler

if TYPE_CHECKING:
    import numpy as np


class Random(Sampler):
    """A new permutation of the training samples for every epoch.

    Example:
        ```yaml
        sampler: random
        ```
    """

    def order(
        self,
        num_samples: int,
        columns: Mapping[str, np.ndarray[Any, Any]],
        generator: np.random.Generator,
        progress: float,
    ) -> np.ndarray[Any, Any]:
        """Return a permutation of all positions."""
        return generator.permutation(num_samples)
