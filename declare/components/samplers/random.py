"""Every sample once an epoch, in random order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from declare.contract.kinds.sampler import Sampler
from declare.contract.shapes import Array

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
        self, num_samples: int, columns: Mapping[str, Array], generator: np.random.Generator, progress: float
    ) -> Array:
        """Return a permutation of all positions."""
        return generator.permutation(num_samples)
