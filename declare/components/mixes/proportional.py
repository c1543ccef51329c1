"""`proportional`: samples in proportion to the sizes of datasets."""

from collections.abc import Mapping

from declare.contract.kinds.mix import Mix


class Proportional(Mix):
    """Every sample of every dataset is seen about equally often.

    Example:
        ```yaml
        mix: proportional
        ```
    """

    def shares(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """Return each dataset's fraction of all training samples."""
        total = sum(sizes.values())
        return {name: size / total for name, size in sizes.items()}
