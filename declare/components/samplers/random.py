"""Every sample once an epoch, in random order."""

from collections.abc import Mapping

from declare.contract.kinds.sampler import Sampler
from declare.contract.shapes import Array, Generator


class Random(Sampler):
    """A new permutation of the training samples in every epoch.

    Example:
        ```yaml
        sampler: random
        ```
    """

    def order(
        self, num_samples: int, columns: Mapping[str, Array], generator: Generator, progress: float
    ) -> Array:
        """Return a permutation of all positions."""
        return generator.permutation(num_samples)
