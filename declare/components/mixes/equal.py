"""`equal`: equally many samples of each dataset."""

from collections.abc import Mapping

from declare.contract.kinds.mix import Mix


class Equal(Mix):
    """Every dataset contributes the same number of samples to a batch, whatever its size.

    Example:
        ```yaml
        mix: equal
        ```
    """

    def shares(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """Return 1 / number of datasets for each."""
        return {name: 1 / len(sizes) for name in sizes}
