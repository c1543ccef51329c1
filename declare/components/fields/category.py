"""A class label: one of several names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from pydantic import Field as Param

from declare.components.fields._values import factorise, index_of, number_of, text_of, twice
from declare.contract.facts import FieldFacts
from declare.contract.kinds.field import Field
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array, Layout, Shape

_WHOLE = re.compile(r"-?(0|[1-9][0-9]*)")
_FEW = 20
"""So many classes are never too many."""


class Category(Field):
    """One class out of several; a class is its text, whatever the source: `007`, `7` and `7.0` are three.

    Numbers and booleans have one text each (1 and 1.0 are `1`, true is `true`). Encoded as int64 [rows], the index of
    the class in natural order (numbers by size, then texts), -1 where missing. Gaps in the numbers are closed: labels
    1, 2, 5 are classes 0, 1, 2. Raises `ProblemError` DAT301 for a label outside the classes, DAT377 where values of
    two types have one text. Stated names stand for the numbers 0, 1, 2 ... where the data hold those.

    Example:
        ```yaml
        fields: {label: {type: category, classes: [cat, dog], missing: ["n/a"]}}
        ```
    """

    also_called: ClassVar[tuple[str, ...]] = (
        "categorical",
        "class",
        "label",
        "enum",
        "binary",
        "bool",
        "boolean",
        "ClassLabel",
        "ordinal",
    )

    layout: ClassVar[Layout] = "category"

    classes: int | list[str | int | bool] | None = Param(
        None, description="number of classes or their names; checked against the data"
    )

    def examine(self, values: Any) -> FieldFacts:
        """Return class names, their values and the number of missing labels of a column.

        Raises `ProblemError` DAT339 where nearly every sample has a class of its own.
        """
        factors = factorise(values, self.missing)
        present, missing = factors.present(), factors.num_missing()
        labelled = len(factors.codes) - missing
        if len(present) > max(_FEW, labelled / 2):
            raise ProblemError(_too_many(present, labelled))
        names, order = self._names_and_texts(present)
        return FieldFacts(
            shape=Shape("category", (), "int64"),
            classes=tuple(names),
            values=tuple(order),
            num_missing=missing,
            unique=len(present),
            extra={"unused_marks": factors.unused} if factors.unused else {},
        )

    def check(self) -> Iterable[Problem]:
        """Yield a class that is stated twice, and a column stated twice."""
        yield from super().check()
        if isinstance(self.classes, list):
            yield from twice(self.classes, "classes")

    def _names_and_texts(self, present: list[str]) -> tuple[list[str], list[str]]:
        """Return class names and the texts that stand for them in the data, both in order."""
        if not isinstance(self.classes, list):
            return present, present
        stated = [str(text_of(name)) for name in self.classes]
        numbers = list(map(str, range(len(stated))))
        if set(present) <= set(numbers) and not set(stated) & set(present):
            return stated, numbers  # names for numbers that count from 0
        return stated, stated

    def compare(self, facts: FieldFacts) -> Iterable[Problem]:
        """Yield a label that is out of the range which the stated number of classes leaves."""
        num_classes, names = len(facts.classes or ()), facts.classes or ()
        if not isinstance(self.classes, int) or self.classes == num_classes:
            return
        outside = [value for value in map(str, facts.values or ()) if not self._in_range(value)]
        in_a_row = list(facts.values or ()) == list(map(str, range(num_classes)))
        if outside and not in_a_row and num_classes - len(outside) == self.classes:
            yield Problem(
                "DAT301",
                f"label `{outside[0]}` is out of the range 0 to {self.classes - 1}",
                at="classes",
                label=f"{self.classes} classes stated here",
                notes=(f"the labels in the data are {_brief(names)}",),
                helps=(f"list it under `missing` if it means no label: `missing: [{', '.join(outside)}]`",),
            )

    def _in_range(self, text: str) -> bool:
        """Return whether a label is no whole number, or one of 0 .. classes - 1."""
        limit = self.classes if isinstance(self.classes, int) else 0
        return not _WHOLE.fullmatch(text) or 0 <= int(text) < limit

    def encode(self, values: Any, facts: FieldFacts) -> Array:
        """Return class indices [rows], -1 where missing."""
        import numpy as np

        index = index_of(facts.values or facts.classes or ())
        factors = factorise(values, self.missing)
        numbers = np.array([-1 if text is None else index.get(text, -2) for text in factors.texts], np.int64)
        encoded = numbers[factors.codes]
        if (encoded == -2).any():
            row = int((encoded == -2).argmax())
            raise ProblemError(_outside(factors.texts[factors.codes[row]], row, facts))
        return encoded


def _brief(names: Sequence[str]) -> str:
    return f"{', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"


def _too_many(present: list[str], labelled: int) -> Problem:
    numeric = all(number_of(value) is not None for value in present)
    return Problem(
        "DAT339",
        f"{len(present)} classes in {labelled} samples are too many to learn",
        label="read as classes",
        notes=(f"the first are {_brief(present)}",),
        helps=("use `type: number` for measurements" if numeric else "use `type: id` for names of samples",),
    )


def _outside(value: str | None, row: int, facts: FieldFacts) -> Problem:
    classes = facts.classes or ()
    return Problem(
        "DAT301",
        f"label `{str(value)[:40]}` is none of the {len(classes)} classes",
        label="these classes",
        notes=(f"the classes are {_brief(classes)}",),
        helps=("add it to `classes`, or list it under `missing`",),
        row=row,
    )
