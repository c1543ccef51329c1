"""A number for each sample."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field as Param

from declare.components.fields._values import flat
from declare.contract.code import Code, RawColumn
from declare.contract.facts import FieldFacts
from declare.contract.kinds.field import Field
from declare.contract.problem import Problem
from declare.contract.shapes import Array, Layout, Shape

if TYPE_CHECKING:
    from declare.components.fields._number_texts import NumberNotation


class Number(Field):
    """A number: a feature of a table, or a regression target.

    Encoded as float64 [rows], NaN if missing (empty, NaN, or listed under `missing`); the model sees float32,
    rounded after the transforms. Texts are parsed in the one notation in which all of the column are numbers:
    `1234.5`, `1e5`, `0x1F`, `1234,5`, `1.234,5`, `1 234,5`, `1,234.5`, or `true` and `false` only (1 and 0).
    Raises `ProblemError` DAT318 for texts that are not numbers, DAT376 if they are ambiguous (`1,234`) or
    have a unit that is not stated.

    Example:
        ```yaml
        fields: {income: {type: number, missing: ["", "NA"]}}
        ```
    """

    also_called: ClassVar[tuple[str, ...]] = (
        "float",
        "numeric",
        "numerical",
        "scalar",
        "continuous",
        "int",
        "int64",
        "integer",
        "float32",
        "float64",
        "double",
        "real",
    )

    layout: ClassVar[Layout] = "number"

    decimal: Literal[".", ","] | None = Param(
        None, description="decimal mark in texts; default: inferred from the column"
    )
    thousands: Literal[".", ",", " ", "'"] | None = Param(
        None, description="thousands mark in texts; default: inferred from the column"
    )
    unit: str | None = Param(
        None,
        min_length=1,
        pattern=r"^[^\d\s.,'+<>=~-]",
        description=(
            "unit that is written next to every number (`%`, `$`, `kg`); it is removed, values "
            "are not converted"
        ),
    )

    def check(self) -> Iterable[Problem]:
        """Yield a problem if both marks are the same, and for a column stated twice."""
        yield from super().check()
        if self.decimal is not None and self.decimal == self.thousands:
            yield Problem(
                "SCH113",
                f"`{self.decimal}` is stated as decimal mark and as thousands mark",
                at="thousands",
                label="the same as `decimal`",
                helps=("state one of them",),
            )

    def infer_facts(self, values: Any) -> FieldFacts:
        """Return the range and moments of a column, in the source's units."""
        import numpy as np

        from declare.components.fields._exactness import refuse_merged
        from declare.components.fields._numbers import numbers, statistics, suspected_marks

        values = flat(values)
        column = numbers(values, self.missing, self._notation())
        refuse_merged(values, column.values)
        extra: dict[str, Any] = dict(suspected_marks(column.values))
        if column.notation.differs():
            extra["notation"] = column.notation.example()
            extra["read_as"] = f"written as {column.notation.example()}"
        if column.unused:
            extra["unused_marks"] = column.unused
        return FieldFacts(
            shape=Shape("number", ()),
            num_missing=int(np.isnan(column.values).sum()),
            extra=extra,
            **statistics(column.values),
        )

    def _notation(self) -> NumberNotation:
        from declare.components.fields._number_texts import NumberNotation

        return NumberNotation(self.decimal, self.thousands, self.unit or "")

    def code(self, name: str, facts: FieldFacts, raw: RawColumn) -> Code:
        """Return code that makes numbers of texts or values, NaN where missing."""
        missing = [value for value, number in raw.encoded.items() if number != number]  # noqa: PLR0124 - NaN
        if raw.kind == "array":
            if missing:
                return Code(
                    f"np.where(np.isin({raw.code}, {missing!r}), np.nan, {raw.code}).astype(np.float64)"
                )
            return Code(f"np.asarray({raw.code}, np.float64)")
        from declare.components.fields._number_texts import notation_called

        number = notation_called(facts.extra.get("notation"), self._notation()).code("value")
        words = [mark for mark in self.missing if isinstance(mark, str)]
        marks = ", ".join(dict.fromkeys(["None", *map(repr, [*words, *missing])]))
        return Code(f"np.array([np.nan if value in {{{marks}}} else {number} for value in {raw.code}])")

    def encode(self, values: Any, facts: FieldFacts) -> Array:
        """Return float64 [rows], NaN if missing; texts are parsed in the notation of the whole column."""
        from declare.components.fields._number_texts import notation_called
        from declare.components.fields._numbers import numbers

        notation = notation_called(facts.extra.get("notation"), self._notation())
        return numbers(flat(values), self.missing, notation).values
