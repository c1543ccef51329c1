"""`alternate`: batches from one dataset after another."""

from collections.abc import Mapping
from typing import ClassVar

from declare.contract.kinds.mix import Mix


class Alternate(Mix):
    """Every batch comes from one dataset; datasets alternate in the order of the spec.

    Example:
        ```yaml
        mix: alternate
        ```
    """

    alternates: ClassVar[bool] = True

    def shares(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """Return 1 / number of datasets for each: the fraction over several batches."""
        return {name: 1 / len(sizes) for name in sizes}
