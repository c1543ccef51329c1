"""Which targets of a sample count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from declare.contract.data import FieldFacts
from declare.contract.field import Field
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Layout, Shape

if TYPE_CHECKING:
    import numpy as np


class Valid(Field):
    """True where a target counts: one value for each sample, or one for each unit [units]. Encoded as bool.

    Example:
        ```yaml
        fields: {usable: {type: valid}}
        ```
    """

    layout: ClassVar[Layout] = "valid"

    def examine(self, values: Any) -> FieldFacts:
        """Return the shape and how many are not valid."""
        import numpy as np

        found = self.encode(values, FieldFacts(shape=Shape("valid", (), "bool")))
        return FieldFacts(
            shape=Shape("valid", found.shape[1:], "bool"), mean=float(np.mean(found)) if found.size else None
        )

    def encode(self, values: Any, facts: FieldFacts) -> np.ndarray[Any, Any]:
        """Return bool [rows] or [rows, units]; raises `ProblemError` DAT319 for what is not true or false."""
        import numpy as np

        array = np.asarray(values)
        if array.dtype.kind not in "biuf" or array.ndim > 2:
            raise ProblemError(
                Problem(
                    "DAT319", "values are not true or false", label="read as valid", helps=("use 0 and 1",)
                )
            )
        return array.astype(bool)
