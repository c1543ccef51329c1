"""Samplers: the order of samples in an epoch."""

from collections.abc import Mapping
from typing import ClassVar

from declare.contract.component import Component
from declare.contract.kinds.field import Pairing
from declare.contract.problem import Problem
from declare.contract.shapes import Array, Generator, Layout, Shape


class Sampler(Component):
    """The order of samples in an epoch: a pure function of (seed, epoch)."""

    layouts: ClassVar[tuple[Layout, ...]] = ()
    """What the fields that `columns` names may hold; anything if empty."""

    by_length: ClassVar[bool] = False
    """Whether `order` is given the lengths [samples] of the fields that `columns` names, in place of their values."""

    default: ClassVar[str] = "random"
    """The type if a phase states none."""
    evens_classes: ClassVar[bool] = False
    """Whether it shows the classes of its `field` equally often."""

    group_size: ClassVar[int] = 1
    """How many adjacent samples belong together: several processes take whole groups."""

    def pairing(self) -> Pairing | None:
        """Return the fields in which paired samples agree and the field in which they differ, if it pairs samples."""
        return None

    def columns(self) -> tuple[str, ...]:
        """Return the fields whose encoded column `order` needs."""
        return ()

    def resolve(self, total_steps: int, steps_per_epoch: int) -> "Sampler":
        """Return the sampler with its durations as fractions of a phase of `total_steps`."""
        return self

    def with_fields(self, shapes: Mapping[str, Shape]) -> "Sampler | Problem":
        """Return the sampler with open fields chosen from a dataset's, or a problem if none fits."""
        return self

    def for_batches(self, rows: int) -> "Sampler":
        """Return the sampler for batches with `rows` samples of its dataset."""
        return self

    def order(
        self, num_samples: int, columns: Mapping[str, Array], generator: Generator, progress: float
    ) -> Array:
        """Return `num_samples` positions in the training split: the order of one epoch.

        `progress` in [0, 1] is the fraction of the phase that is done when the epoch starts.
        """
        raise NotImplementedError
