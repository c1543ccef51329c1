"""Counts of events for each unit: spikes of neurons."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field as Param

from declare.components.fields._arrays import ArrayField
from declare.contract.facts import FieldFacts
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array, Layout


class Counts(ArrayField):
    """Counts [units], float32: integers of 0 or more, NaN where not recorded.

    State `whole: false` for responses inferred from fluorescence, which are not integers. Negative values
    always raise DAT351. The facts contain each unit's mean over the training split.

    Example:
        ```yaml
        fields: {spikes: {type: counts}}
        ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("spikes",)

    layout: ClassVar[Layout] = "counts"
    stated_axes: ClassVar[Mapping[str, int]] = {"width": 0}

    width: int | None = Param(None, ge=1, description="number of units; checked against the data")
    whole: bool = Param(True, description="whether the counts must be integers")

    def infer_facts(self, values: Any) -> FieldFacts:
        """Return the shape, range and moments; raises `ProblemError` DAT351 for values that are not counts."""
        facts = super().infer_facts(values)
        self.encode(values, facts)
        return facts

    def encode(self, values: Any, facts: FieldFacts) -> Array:
        """Return numbers [rows, units]; raises `ProblemError` DAT351 for values that are not counts."""
        import numpy as np

        counts = super().encode(values, facts)
        wrong = counts < 0
        if self.whole:
            wrong = wrong | (np.isfinite(counts) & (counts != np.rint(counts)))
        if wrong.any():
            row, unit = (int(index[0]) for index in np.nonzero(wrong.reshape(len(counts), -1)))
            raise ProblemError(_no_count(row, unit, float(counts.reshape(len(counts), -1)[row, unit])))
        return counts

    def summary(self, values: Array, valid: Mapping[str, Array]) -> dict[str, Any]:
        """Return `means`: each unit's mean over valid targets, by `valid` field (`""`: over all values).

        A unit without events gets half an event over the whole training split, so that its logarithm is
        finite.
        """
        import numpy as np

        means = {}
        for name, usable in {"": np.ones(len(values), bool), **valid}.items():
            if usable.ndim > 1 and usable.shape[1:] != values.shape[1:]:
                continue
            counts = usable.reshape(len(usable), -1) & np.isfinite(values)
            number = np.maximum(counts.sum(0), 1)
            total = np.where(counts, values, 0).sum(0, dtype=np.float64)
            means[name] = [float(mean) for mean in np.maximum(total, 0.5) / number]
        return {"means": means}


def _no_count(row: int, unit: int, value: float) -> Problem:
    negative = value < 0
    return Problem(
        "DAT351",
        (
            f"unit {unit} has {value:g} events in a sample, which is "
            f"{'negative' if negative else 'not an integer'}"
        ),
        label="read as counts",
        helps=("use `type: vector` for values that are not counts",)
        if negative
        else ("state `whole: false` if they are rates or inferred from fluorescence",),
        row=row,
    )
