"""Samples in proportion to a weight."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field as Param

from declare.contract.kinds.sampler import Sampler
from declare.contract.shapes import Array, Generator, Layout


class Weighted(Sampler):
    """Draws samples with a probability proportional to a weight field.

    In an epoch of N samples, sample i occurs on average N * w[i] / sum(w) times, and always within one of
    that (systematic sampling, so that epochs differ little). Samples without a weight are left out.

    Example:
        ```yaml
        sampler: {type: weighted, field: importance}
        ```
    """

    layouts: ClassVar[tuple[Layout, ...]] = ("number",)

    field: str = Param(description="the field with the weights: numbers, 0 or more")

    def columns(self) -> tuple[str, ...]:
        """Return the field."""
        return (self.field,)

    def order(
        self, num_samples: int, columns: Mapping[str, Array], generator: Generator, progress: float
    ) -> Array:
        """Return positions; raises `ProblemError` DAT343 for an unsuitable field, DAT344 for invalid weights."""
        import numpy as np

        from declare.components.samplers._drawing import one_each

        stated = one_each(columns[self.field], "field", self.field, whole=False).astype(np.float64)
        weights = np.where(np.isnan(stated), 0.0, stated)
        self._refuse(weights)
        # In random order, so that neighbours in the data are not tied to each other.
        mixed = generator.permutation(num_samples)
        ends = np.cumsum(weights[mixed])
        points = (np.arange(num_samples) + generator.random()) * (ends[-1] / num_samples)
        # The last end above the point; a rounding of the last point may not leave the table.
        last = int(np.flatnonzero(weights[mixed])[-1])
        positions = mixed[np.minimum(np.searchsorted(ends, points, side="right"), last)]
        return generator.permutation(positions)

    def _refuse(self, weights: Array) -> None:
        import numpy as np

        from declare.contract.problem import Problem, ProblemError

        wrong = np.flatnonzero((weights < 0) | ~np.isfinite(weights))
        if len(wrong):
            title = (
                f"`{self.field}` is {weights[wrong[0]]:g} for a training sample, but weights must be "
                "0 or more"
            )
        elif not weights.any():
            title = f"`{self.field}` is 0 or missing for every training sample"
        else:
            return
        helps = ("give each sample a finite weight of 0 or more",)
        raise ProblemError(
            Problem("DAT344", title, at="sampler.field", label="no usable weights", helps=helps)
        )
