"""A class label: one of several names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field as Param

from declare.components.fields._values import Scalar, column, in_order, index_of
from declare.contract.data import FieldFacts
from declare.contract.field import Field
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Layout, Shape

if TYPE_CHECKING:
    import numpy as np


class Category(Field):
    """One class out of several, as text, whole numbers or booleans.

    Encoded as int64 [rows], the index of the class in natural order (numbers by size, then texts), -1 where
    missing. Gaps in the numbers are closed: labels 1, 2, 5 are classes 0, 1, 2. Raises `ProblemError` DAT301
    for a label outside the classes.

    Example:
        ```yaml
        fields: {label: {type: category, classes: [cat, dog], missing: ["n/a"]}}
        ```
    """

    layout: ClassVar[Layout] = "category"

    classes: int | list[str | int | bool] | None = Param(
        None, description="number of classes or their names; checked against the data"
    )

    def examine(self, values: Any) -> FieldFacts:
        """Return class names, their values and the number of missing labels of a column."""
        found = column(values, self.missing)
        present = in_order(value for value in found if value is not None)
        order: list[Scalar] = list(self.classes) if isinstance(self.classes, list) else present
        return FieldFacts(
            shape=Shape("category", (), "int64"),
            classes=tuple(str(value) for value in order),
            values=tuple(order),
            num_missing=sum(value is None for value in found),
            unique=len(present),
        )

    def compare(self, facts: FieldFacts) -> Iterable[Problem]:
        """Yield where the stated number of classes contradicts the data."""
        found = len(facts.classes or ())
        if isinstance(self.classes, int) and self.classes != found:
            names = ", ".join((facts.classes or ())[:8])
            yield Problem(
                "LOS401",
                f"{self.classes} classes are stated but the data have {found}",
                at="classes",
                label=f"{self.classes} stated here",
                notes=(f"the classes in the data are {names}{', ...' if found > 8 else ''}",),
                helps=(f"remove `classes` (it is read from the data), or set it to {found}",),
            )

    def encode(self, values: Any, facts: FieldFacts) -> np.ndarray[Any, Any]:
        """Return class indices [rows], -1 where missing."""
        import numpy as np

        index = index_of(facts.values or facts.classes or ())
        found = column(values, self.missing)
        for row, value in enumerate(found):
            if value is not None and str(value) not in index:
                raise ProblemError(_outside(value, row, facts))
        return np.fromiter(
            (-1 if value is None else index[str(value)] for value in found), dtype=np.int64, count=len(found)
        )


def _outside(value: Scalar, row: int, facts: FieldFacts) -> Problem:
    classes = facts.classes or ()
    return Problem(
        "DAT301",
        f"label `{value}` (row {row}) is none of the {len(classes)} classes",
        label="these classes",
        notes=(f"the classes are {', '.join(classes[:8])}{', ...' if len(classes) > 8 else ''}",),
        helps=("add it to `classes`, or list it under `missing`",),
    )
