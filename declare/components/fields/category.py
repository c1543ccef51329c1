"""A class label: one of several classes."""

import heapq
import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field as Param

from declare.components.fields._class_values import no_zero
from declare.components.fields._names import factorise
from declare.components.fields._values import index_code, index_of, number_of, text_of, twice
from declare.contract.code import Code, RawColumn
from declare.contract.facts import FieldFacts
from declare.contract.kinds.field import Field
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array, Layout, Shape

_WHOLE = re.compile(r"-?(0|[1-9][0-9]*)")
_FEW = 20
"""Up to this many classes are always accepted."""


class Category(Field):
    """One of several classes; a class is identified by its text: `007`, `7` and `7.0` are three classes.

    Numbers and booleans have one text each (1 and 1.0 are `1`, true is `true`). Encoded as int64 [rows]: the
    index of the class in natural order (numbers by size, then texts), -1 if missing. Indices have no gaps:
    labels 1, 2, 5 become 0, 1, 2. Raises `ProblemError` DAT301 for a label outside the classes, DAT377 if
    values of two types have the same text. If the data contain the numbers 0, 1, 2 ..., stated names are
    assigned to them in order; if there is no 0 among them, this is unclear (DAT404), and `classes` names each
    value: `{cat: 1, dog: 2}`.

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

    classes: (
        int
        | Annotated[list[str | int | bool], Param(min_length=1)]
        | Annotated[dict[str, str | int | bool], Param(min_length=1)]
        | None
    ) = Param(
        None,
        description="number of classes, their names, or the value of each name; checked against the data",
    )

    def infer_facts(self, values: Any) -> FieldFacts:
        """Return the class names of a column, their values and the number of missing labels.

        Raises `ProblemError` DAT339 if nearly every sample has a different class.
        """
        factors = factorise(values, self.missing)
        missing = factors.num_missing()
        labelled = len(factors.codes) - missing
        distinct = {text for text in factors.texts if text is not None}
        if len(distinct) > max(_FEW, labelled / 2):
            raise ProblemError(_too_many(distinct, labelled))
        present = factors.present()
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
        """Yield a problem for a class or a column stated twice."""
        yield from super().check()
        if isinstance(self.classes, list):
            yield from twice(self.classes, "classes")
        if isinstance(self.classes, dict):
            yield from twice(self.classes.values(), "classes", tuple(self.classes))

    def _names_and_texts(self, present: list[str]) -> tuple[list[str], list[str]]:
        """Return class names and the texts that represent them in the data, in the same order."""
        if isinstance(self.classes, dict):
            return list(self.classes), [str(text_of(value)) for value in self.classes.values()]
        if not isinstance(self.classes, list):
            return present, present
        stated = [str(text_of(name)) for name in self.classes]
        if all(map(_WHOLE.fullmatch, present)) and not set(stated) & set(present):
            if present and "0" not in present:
                raise ProblemError(no_zero(stated, list(map(int, present))))
            return stated, list(map(str, range(len(stated))))  # names for numbers that count from 0
        return stated, stated

    def compare(self, facts: FieldFacts) -> Iterable[Problem]:
        """Yield a problem for a label outside the range of the stated number of classes."""
        num_classes, names = len(facts.classes or ()), facts.classes or ()
        if not isinstance(self.classes, int) or self.classes == num_classes:
            return
        outside = [value for value in map(str, facts.values or ()) if not self._in_range(value)]
        in_a_row = list(facts.values or ()) == list(map(str, range(num_classes)))
        if outside and not in_a_row and num_classes - len(outside) == self.classes:
            yield Problem(
                "DAT301",
                f"label `{outside[0]}` is outside the range 0 to {self.classes - 1}",
                at="classes",
                label=f"{self.classes} classes stated here",
                notes=(f"the labels in the data are {_brief(names)}",),
                helps=(f'list it under `missing` if it means "no label": `missing: [{", ".join(outside)}]`',),
            )

    def _in_range(self, text: str) -> bool:
        """Return whether a label is not an integer, or is in 0 .. classes - 1."""
        limit = self.classes if isinstance(self.classes, int) else 0
        return not _WHOLE.fullmatch(text) or 0 <= int(text) < limit

    def code(self, name: str, facts: FieldFacts, raw: RawColumn) -> Code:
        """Return code that gives each value the index of its class, -1 where it is missing."""
        return index_code(name, [*map(str, facts.values or facts.classes or ())], raw)

    def encode(self, values: Any, facts: FieldFacts) -> Array:
        """Return class indices [rows], -1 if missing."""
        import numpy as np

        index = index_of(facts.values or facts.classes or ())
        factors = factorise(values, self.missing)
        numbers = np.array([-1 if text is None else index.get(text, -2) for text in factors.texts], np.int64)
        encoded = numbers[factors.codes]
        if (encoded == -2).any():
            row = int((encoded == -2).argmax())
            raise ProblemError(_unknown_class_problem(factors.texts[factors.codes[row]], row, facts))
        return encoded


def _brief(names: Sequence[str]) -> str:
    return f"{', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"


def _too_many(distinct: set[str], labelled: int) -> Problem:
    numeric = all(number_of(value) is not None for value in distinct)
    return Problem(
        "DAT339",
        f"{len(distinct)} classes in {labelled} samples are too many to learn",
        label="read as classes",
        notes=(f"the first are {_brief(heapq.nsmallest(9, distinct))}",),
        helps=(
            "use `type: number` for measurements" if numeric else "use `type: id` for identifiers of samples",
        ),
    )


def _unknown_class_problem(value: str | None, row: int, facts: FieldFacts) -> Problem:
    classes, values = facts.classes or (), [*map(str, facts.values or ())]
    named = [
        f"{name} ({text})" if name != text else name for name, text in zip(classes, values, strict=False)
    ]
    return Problem(
        "DAT301",
        f"label `{str(value)[:40]}` is not one of the {len(classes)} classes",
        label="these classes",
        notes=(f"the classes are {_brief(named or classes)}",),
        helps=("add it to `classes`, or list it under `missing`",),
        row=row,
    )
