"""Datasets by their sizes, flattened."""

from collections.abc import Mapping

from pydantic import Field as Param

from declare.contract.kinds.mix import Mix


class Temperature(Mix):
    """Shares proportional to size ** (1 / t): t = 1 is proportional, a large t is equal.

    Source: the sampling of languages in multilingual BERT and XLM-R.

    Example:
        ```yaml
        mix: {type: temperature, t: 2}
        ```
    """

    t: float = Param(2.0, ge=1, le=1e6, description="temperature")

    def shares(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """Return the flattened shares."""
        powers = {name: size ** (1 / self.t) for name, size in sizes.items()}
        total = sum(powers.values())
        return {name: power / total for name, power in powers.items()}
