"""Batches of samples with similar length, to reduce padding."""

from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import Field as Param

from declare.contract.kinds.sampler import Sampler
from declare.contract.problem import Problem
from declare.contract.shapes import Array, Generator, Layout, Shape
from declare.parsing.poison import contains_poison


class LengthBuckets(Sampler):
    """Every sample once per epoch; the samples of a batch have similar lengths.

    The samples are shuffled, divided into chunks of `batches` batches, and sorted by length within each
    chunk; then the order of the batches, and of the samples in each, is shuffled. So batches contain little
    padding and their lengths are in random order; an incomplete batch comes last. Several processes share
    each batch evenly.

    Example:
        ```yaml
        sampler: length_buckets
        ```
    """

    layouts: ClassVar[tuple[Layout, ...]] = ("tokens", "series", "video")
    by_length: ClassVar[bool] = True

    fields: list[str] | None = Param(
        None,
        min_length=1,
        description=("the texts or series whose lengths are added up; default: all fields of varying length"),
    )
    batches: int = Param(50, ge=1, description="batches in a chunk that is sorted; more give less padding")
    batch: int | None = Param(
        None, ge=1, description="samples with similar lengths; default: the phase's batch size"
    )

    def columns(self) -> tuple[str, ...]:
        """Return the texts and series."""
        fields = self.fields if isinstance(self.fields, list) else ()
        return tuple(name for name in fields if isinstance(name, str))

    def with_fields(self, shapes: Mapping[str, Shape]) -> Self | Problem:
        """Return the sampler with all texts of a dataset, and series of varying length, if no field is stated."""
        if contains_poison(self):
            return self
        fields = self.fields or [name for name, shape in shapes.items() if _varies(shape)]
        if fields:
            return self.model_copy(update={"fields": fields})
        title = "`length_buckets` sorts by length, but all samples have the same length"
        return Problem("DAT343", title, label="equally long", helps=("use `sampler: random`",))

    def for_batches(self, rows: int) -> Self:
        """Return the sampler for batches of `rows` samples."""
        return self if self.batch is not None else self.model_copy(update={"batch": rows})

    def order(
        self, num_samples: int, columns: Mapping[str, Array], generator: Generator, progress: float
    ) -> Array:
        """Return a permutation of all positions."""
        import numpy as np

        lengths = np.zeros(num_samples, np.int64)
        for name in self.fields or ():
            lengths += columns[name]
        size = self.batch or 1
        mixed = generator.permutation(num_samples)
        full = num_samples // size * size
        whole = mixed[:full]
        for start in range(0, full, size * self.batches):
            stretch = whole[start : start + size * self.batches]
            whole[start : start + size * self.batches] = stretch[np.argsort(lengths[stretch], kind="stable")]
        grouped = generator.permutation(whole.reshape(-1, size), axis=0)
        return np.concatenate([generator.permuted(grouped, axis=1).reshape(-1), mixed[full:]])


def _varies(shape: Shape) -> bool:
    return shape.layout == "tokens" or (shape.time_axis is not None and shape.dims[shape.time_axis] is None)
