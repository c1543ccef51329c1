"""`temperature`: datasets by a power of their sizes."""

from collections.abc import Mapping

from pydantic import Field as Param

from declare.contract.kinds.mix import Mix


class Temperature(Mix):
    """Fractions proportional to size ** (1 / t): t = 1 is `proportional`, a large t approaches `equal`.

    Source: language sampling in multilingual BERT and XLM-R.

    Example:
        ```yaml
        mix: {type: temperature, t: 2}
        ```
    """

    t: float = Param(2.0, ge=1, le=1e6, description="temperature")

    def shares(self, sizes: Mapping[str, int]) -> dict[str, float]:
        """Return the fraction of each dataset."""
        powers = {name: size ** (1 / self.t) for name, size in sizes.items()}
        total = sum(powers.values())
        return {name: power / total for name, power in powers.items()}
