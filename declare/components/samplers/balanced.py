"""Every class equally often."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field as Param

from declare.contract.kinds.sampler import Sampler
from declare.contract.shapes import Array, Generator, Layout


class Balanced(Sampler):
    """Equally many samples of each class in an epoch; small classes repeat, large ones are subsampled.

    `field` is a `category`, or an `id` to sample every subject equally often. Samples with a missing label
    are left out. An epoch has as many samples as the training split; the order is random.

    Example:
        ```yaml
        sampler: {type: balanced, field: label}
        ```
    """

    evens_classes: ClassVar[bool] = True
    layouts: ClassVar[tuple[Layout, ...]] = ("category", "id")

    field: str = Param(description="the field whose classes are sampled equally often")

    def columns(self) -> tuple[str, ...]:
        """Return the field."""
        return (self.field,)

    def order(
        self, num_samples: int, columns: Mapping[str, Array], generator: Generator, progress: float
    ) -> Array:
        """Return positions; raises `ProblemError` DAT343 for a field without classes or labels."""
        import numpy as np

        from declare.components.samplers._drawing import one_each, rounds
        from declare.contract.problem import Problem, ProblemError

        labels = one_each(columns[self.field], "field", self.field, whole=True)
        classes = generator.permutation(np.unique(labels[labels >= 0]))
        if not len(classes):
            raise ProblemError(
                Problem(
                    "DAT343",
                    f"no training sample has a value for `{self.field}`",
                    at="sampler.field",
                    label="all missing",
                    helps=("use `sampler: random`",),
                )
            )
        # What does not divide goes to the classes that the permutation puts first: other ones each epoch.
        shares = np.full(len(classes), num_samples // len(classes))
        shares[: num_samples % len(classes)] += 1
        parts = [
            rounds(np.flatnonzero(labels == label), int(share), generator)
            for label, share in zip(classes, shares, strict=True)
        ]
        return generator.permutation(np.concatenate(parts))
