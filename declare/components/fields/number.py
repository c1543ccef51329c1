"""A number for each sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from declare.contract.data import FieldFacts
from declare.contract.field import Field
from declare.contract.shapes import Layout, Shape

if TYPE_CHECKING:
    import numpy as np


class Number(Field):
    """A number: a feature of a table, or a regression target.

    Encoded as float32 [rows], NaN where missing (empty, NaN, or listed under `missing`). Texts that are no
    numbers raise `ProblemError` DAT318 with their row.

    Example:
        ```yaml
        fields: {income: {type: number, missing: ["", "NA"]}}
        ```
    """

    layout: ClassVar[Layout] = "number"

    def examine(self, values: Any) -> FieldFacts:
        """Return the range and moments of a column, in the source's units."""
        import numpy as np

        from declare.components.fields._numbers import numbers, statistics

        found = numbers(values, self.missing)
        return FieldFacts(
            shape=Shape("number", ()),
            num_missing=int(np.isnan(found).sum()),
            **statistics(found),
        )

    def encode(self, values: Any, facts: FieldFacts) -> np.ndarray[Any, Any]:
        """Return float32 [rows], NaN where missing."""
        import numpy as np

        from declare.components.fields._numbers import numbers

        return numbers(values, self.missing).astype(np.float32)
