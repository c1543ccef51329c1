"""An identifier that groups samples: subject, session, movie."""

from typing import Any, ClassVar

from declare.components.fields._names import factorise
from declare.components.fields._values import index_code, index_of
from declare.contract.code import Code, NotWrittenError, RawColumn
from declare.contract.facts import FieldFacts
from declare.contract.kinds.field import Field
from declare.contract.shapes import Array, Layout, Shape

_KEPT = 5000
"""Maximum number of names that are stored in the facts."""


class Id(Field):
    """An identifier by which samples are split or paired; never a target. It is a text, as in `category`.

    Encoded as int64 [rows]: the index of the name in natural order, -1 if missing.

    Example:
        ```yaml
        fields: {subject: {type: id}}
        ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("key", "group", "uuid", "index", "subject")

    layout: ClassVar[Layout] = "id"

    def infer_facts(self, values: Any) -> FieldFacts:
        """Return the names of a column."""
        factors = factorise(values, self.missing, of_times=True)
        names = factors.present()
        return FieldFacts(
            shape=Shape("id", (), "int64"),
            classes=tuple(names) if len(names) <= _KEPT else None,
            num_missing=factors.num_missing(),
            unique=len(names),
            extra={"unused_marks": factors.unused} if factors.unused else {},
        )

    def code(self, name: str, facts: FieldFacts, raw: RawColumn) -> Code:
        """Return code that gives each value the index of its name, -1 where it is missing."""
        if facts.classes is None:
            raise NotWrittenError(f"the field `{name}`: too many names")
        return index_code(name, facts.classes, raw)

    def encode(self, values: Any, facts: FieldFacts) -> Array:
        """Return name indices [rows], -1 if missing or new.

        If the facts store no names, indices are assigned within these rows: equal names get equal indices.
        """
        import numpy as np

        factors = factorise(values, self.missing, of_times=True)
        names = facts.classes
        index = index_of(factors.present() if names is None else names)
        numbers = np.array([-1 if text is None else index.get(text, -1) for text in factors.texts], np.int64)
        return numbers[factors.codes]
