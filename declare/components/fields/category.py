"""A class label: one of several names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field as Param

from declare.components.fields._values import Scalar, column, in_order, index_of
from declare.contract.data import FieldFacts
from declare.contract.field import Field
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Layout, Shape

if TYPE_CHECKING:
    import numpy as np

_FEW = 20
"""So many classes are never too many."""


class Category(Field):
    """One class out of several, as text, whole numbers or booleans.

    Encoded as int64 [rows], the index of the class in natural order (numbers by size, then texts), -1 where
    missing. Gaps in the numbers are closed: labels 1, 2, 5 are classes 0, 1, 2. Raises `ProblemError` DAT301
    for a label outside the classes. Stated names stand for the numbers 0, 1, 2 ... where the data hold those.

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
        """Return class names, their values and the number of missing labels of a column.

        Raises `ProblemError` DAT339 where nearly every sample has a class of its own.
        """
        found = column(values, self.missing)
        present = in_order(value for value in found if value is not None)
        labelled = sum(value is not None for value in found)
        if len(present) > max(_FEW, labelled / 2):
            raise ProblemError(_too_many(present, labelled))
        names, order = self._named(present)
        return FieldFacts(
            shape=Shape("category", (), "int64"),
            classes=tuple(str(name) for name in names),
            values=tuple(order),
            num_missing=len(found) - labelled,
            unique=len(present),
        )

    def _named(self, present: list[Scalar]) -> tuple[list[Scalar], list[Scalar]]:
        """Return class names and the values that stand for them, both in order."""
        if not isinstance(self.classes, list):
            return present, present
        numbers = range(len(self.classes))
        stated = {str(name) for name in self.classes}
        if all(value in numbers and not isinstance(value, bool) for value in present) and not (
            stated & {str(value) for value in present}
        ):
            # Names for numbers that count from 0.
            return list(self.classes), list(numbers)
        return list(self.classes), list(self.classes)

    def compare(self, facts: FieldFacts) -> Iterable[Problem]:
        """Yield a label that is out of the range which the stated number of classes leaves."""
        found, names = len(facts.classes or ()), facts.classes or ()
        if not isinstance(self.classes, int) or self.classes == found:
            return
        outside = [str(value) for value in facts.values or () if not self._in_range(value)]
        in_a_row = list(facts.values or ()) == list(range(found))
        if outside and not in_a_row and found - len(outside) == self.classes:
            yield Problem(
                "DAT301",
                f"label `{outside[0]}` is out of the range 0 to {self.classes - 1}",
                at="classes",
                label=f"{self.classes} classes stated here",
                notes=(f"the labels in the data are {_brief(names)}",),
                helps=(f"list it under `missing` if it means no label: `missing: [{', '.join(outside)}]`",),
            )

    def _in_range(self, value: Scalar) -> bool:
        """Return whether a label is no number, or one of 0 .. classes - 1."""
        limit = self.classes if isinstance(self.classes, int) else 0
        return not isinstance(value, int) or isinstance(value, bool) or 0 <= value < limit

    def encode(self, values: Any, facts: FieldFacts) -> np.ndarray[Any, Any]:
        """Return class indices [rows], -1 where missing."""
        import numpy as np

        index = index_of(facts.values or facts.classes or ())
        found = column(values, self.missing)
        numbers = {value: index.get(str(value)) for value in set(found) if value is not None} | {None: -1}
        for row, value in enumerate(found if None in numbers.values() else ()):
            if numbers[value] is None:
                raise ProblemError(_outside(value, row, facts))
        return np.fromiter((numbers[value] for value in found), dtype=np.int64, count=len(found))


def _brief(names: Sequence[str]) -> str:
    return f"{', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"


def _too_many(present: list[Scalar], labelled: int) -> Problem:
    numeric = all(isinstance(value, int | float) for value in present)
    return Problem(
        "DAT339",
        f"{len(present)} classes in {labelled} samples are too many to learn",
        label="read as classes",
        notes=(f"the first are {_brief([str(value) for value in present])}",),
        helps=("use `type: number` for measurements" if numeric else "use `type: id` for names of samples",),
    )


def _outside(value: Scalar | None, row: int, facts: FieldFacts) -> Problem:
    classes = facts.classes or ()
    return Problem(
        "DAT301",
        f"label `{str(value)[:40]}` is none of the {len(classes)} classes",
        label="these classes",
        notes=(f"the classes are {_brief(classes)}",),
        helps=("add it to `classes`, or list it under `missing`",),
        row=row,
    )
