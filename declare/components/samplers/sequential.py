"""Every sample once an epoch, in the order of the data."""

from collections.abc import Mapping

from declare.contract.kinds.sampler import Sampler
from declare.contract.shapes import Array, Generator


class Sequential(Sampler):
    """The training samples in the order of the data, the same in every epoch.

    Example:
        ```yaml
        sampler: sequential
        ```
    """

    def order(
        self, num_samples: int, columns: Mapping[str, Array], generator: Generator, progress: float
    ) -> Array:
        """Return 0, 1, 2 and so on."""
        import numpy as np

        return np.arange(num_samples)
