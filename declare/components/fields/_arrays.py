"""What fields of numeric arrays share: facts and encoding of samples with a fixed number of axes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from declare.contract.data import FieldFacts
from declare.contract.field import Field
from declare.contract.problem import Problem
from declare.contract.shapes import AXES, Shape

if TYPE_CHECKING:
    import numpy as np


class ArrayField(Field):
    """A field whose samples are numeric arrays of one number of axes; float32 [rows, ...], NaN kept.

    Numbers that are listed under `missing` become NaN, before transforms.
    Sizes that vary from sample to sample are None in the shape; samples are padded with NaN at the end of each
    axis, which transforms leave out and which ends as zero.
    """

    stated_axes: ClassVar[Mapping[str, int]] = {}
    """Parameters that state a size, with the axis that they state."""

    def examine(self, values: Any) -> FieldFacts:
        """Return the shape, range and moments of samples."""
        from declare.components.fields._numbers import unused_marks

        return self._facts(self._stacked(values), unused_marks(values, self.missing))

    def _facts(
        self, found: np.ndarray[Any, Any] | list[np.ndarray[Any, Any]], unused: list[str]
    ) -> FieldFacts:
        """Return facts of stacked samples; `unused` are marks that never occur."""
        import numpy as np

        from declare.components.fields._numbers import statistics

        shapes = {found.shape[1:]} if isinstance(found, np.ndarray) else {sample.shape for sample in found}
        dims = tuple(sizes[0] if len(set(sizes)) == 1 else None for sizes in zip(*shapes, strict=True))
        flat = found if isinstance(found, np.ndarray) else np.concatenate([item.ravel() for item in found])
        nan = (
            int(np.isnan(flat).any(axis=tuple(range(1, flat.ndim))).sum())
            if isinstance(found, np.ndarray)
            else sum(bool(np.isnan(sample).any()) for sample in found)
        )
        return FieldFacts(
            shape=Shape(self.layout, dims),
            num_missing=nan,
            extra={"unused_marks": unused} if unused else {},
            **statistics(flat),
        )

    def _stacked(self, values: Any) -> np.ndarray[Any, Any] | list[np.ndarray[Any, Any]]:
        """Return samples as one array, or as a list where their sizes differ."""
        from declare.components.fields._numbers import stack

        return stack(values, len(AXES[self.layout]), self.layout, self.missing)

    def compare(self, facts: FieldFacts) -> Iterable[Problem]:
        """Yield where a stated size contradicts the data."""
        for key, axis in self.stated_axes.items():
            stated, found = getattr(self, key), facts.shape.dims[axis]
            if stated is not None and found is not None and stated != found:
                name = AXES[self.layout][axis]
                yield Problem(
                    "DAT334",
                    f"`{key}` is {stated} but the data have {found} {name}",
                    at=key,
                    label=f"{stated} stated here",
                    helps=(f"remove `{key}` (it is read from the data), or set it to {found}",),
                )

    def encode(self, values: Any, facts: FieldFacts) -> np.ndarray[Any, Any]:
        """Return float32 [rows, ...], padded with NaN where sizes vary."""
        import numpy as np

        found = self._stacked(values)
        if isinstance(found, np.ndarray):
            return found
        largest = tuple(max(sizes) for sizes in zip(*(sample.shape for sample in found), strict=True))
        padded = np.full((len(found), *largest), np.nan, np.float32)
        for row, sample in enumerate(found):
            inside: tuple[Any, ...] = tuple(slice(size) for size in sample.shape)
            padded[(row, *inside)] = sample
        return padded
