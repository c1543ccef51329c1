"""Every sample once an epoch, in the order of the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from declare.contract.kinds.sampler import Sampler

if TYPE_CHECKING:
    import numpy as np


class Sequential(Sampler):
    """The training samples in the order in which they stand in the data, the same in every epoch.

    Example:
        ```yaml
        sampler: sequential
        ```
    """

    def order(
        self,
        num_samples: int,
        columns: Mapping[str, np.ndarray[Any, Any]],
        generator: np.random.Generator,
        progress: float,
    ) -> np.ndarray[Any, Any]:
        """Return 0, 1, 2 and so on."""
        import numpy as np

        return np.arange(num_samples)
