"""Datasets in equal parts."""

from collections.abc import Mapping

from declare.contract.kinds.mix import Mix


class Equal(Mix):
    """Every dataset gives the same number of samples to a batch, whatever its size.

    Example:
        ```yaml
        mix: equal
        ```
    """

    def shares(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """Return one over the number of datasets for each."""
        return {name: 1 / len(sizes) for name in sizes}
