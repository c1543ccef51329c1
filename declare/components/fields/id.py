"""A name that groups samples: subject, session, movie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from declare.components.fields._values import column, in_order, index_of
from declare.contract.data import FieldFacts
from declare.contract.field import Field
from declare.contract.shapes import Layout, Shape

if TYPE_CHECKING:
    import numpy as np

_KEPT = 5000
"""More names than this are not kept in the facts."""


class Id(Field):
    """A name that samples share, to split or pair by; never a target.

    Encoded as int64 [rows], the index of the name in natural order, -1 where missing.

    Example:
        ```yaml
        fields: {subject: {type: id}}
        ```
    """

    layout: ClassVar[Layout] = "id"

    def examine(self, values: Any) -> FieldFacts:
        """Return the names of a column."""
        found = column(values, self.missing)
        names = in_order(value for value in found if value is not None)
        return FieldFacts(
            shape=Shape("id", (), "int64"),
            classes=tuple(str(name) for name in names) if len(names) <= _KEPT else None,
            num_missing=sum(value is None for value in found),
            unique=len(names),
        )

    def encode(self, values: Any, facts: FieldFacts) -> np.ndarray[Any, Any]:
        """Return name indices [rows], -1 where missing or new.

        Where the facts keep no names, indices are those of the names in these rows: equal for equal names.
        """
        import numpy as np

        found = column(values, self.missing)
        names = facts.classes
        index = index_of(in_order(value for value in found if value is not None) if names is None else names)
        numbers = {value: index.get(str(value), -1) for value in set(found)}
        return np.fromiter((numbers[value] for value in found), dtype=np.int64, count=len(found))
