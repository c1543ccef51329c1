"""A name that groups samples: subject, session, movie."""

from __future__ import annotations

from typing import Any, ClassVar

from declare.components.fields._values import factorise, index_of
from declare.contract.facts import FieldFacts
from declare.contract.kinds.field import Field
from declare.contract.shapes import Array, Layout, Shape

_KEPT = 5000
"""More names than this are not kept in the facts."""


class Id(Field):
    """A name that samples share, to split or pair by; never a target. A name is its text, as in `category`.

    Encoded as int64 [rows], the index of the name in natural order, -1 where missing.

    Example:
        ```yaml
        fields: {subject: {type: id}}
        ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("key", "group", "uuid", "index", "subject")

    layout: ClassVar[Layout] = "id"

    def examine(self, values: Any) -> FieldFacts:
        """Return the names of a column."""
        factors = factorise(values, self.missing)
        names = factors.present()
        return FieldFacts(
            shape=Shape("id", (), "int64"),
            classes=tuple(names) if len(names) <= _KEPT else None,
            num_missing=factors.num_missing(),
            unique=len(names),
            extra={"unused_marks": factors.unused} if factors.unused else {},
        )

    def encode(self, values: Any, facts: FieldFacts) -> Array:
        """Return name indices [rows], -1 where missing or new.

        Where the facts keep no names, indices are those of the names in these rows: equal for equal names.
        """
        import numpy as np

        factors = factorise(values, self.missing)
        names = facts.classes
        index = index_of(factors.present() if names is None else names)
        numbers = np.array([-1 if text is None else index.get(text, -1) for text in factors.texts], np.int64)
        return numbers[factors.codes]
