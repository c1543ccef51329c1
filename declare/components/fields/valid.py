"""Which targets of a sample count."""

from collections.abc import Iterable
from typing import Any, ClassVar

from pydantic import Field as Param

from declare.components.fields._values import text_in, to_list
from declare.contract.code import Code, NotWrittenError, RawColumn
from declare.contract.facts import FieldFacts
from declare.contract.kinds.field import Field
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array, Layout, Shape
from declare.contract.text_column import TextColumn

_TRUTH = {"true": 1, "1": 1, "1.0": 1, "false": 0, "0": 0, "0.0": 0}


class Valid(Field):
    """Whether a target counts: one boolean for each sample, or one for each unit [units].

    Values are booleans, the numbers 1 and 0, or one of these as text; any other value, including a gap,
    raises DAT319. With `of`, a list with one value for each word of that text: it is truncated with its words
    and placed at the positions of `tags` of the same text. Encoded as bool [rows], [rows, units] or [rows,
    length].

    Example:
        ```yaml
        fields: {usable: {type: valid}}
        ```
    """

    layout: ClassVar[Layout] = "valid"
    takes_missing: ClassVar[bool] = False

    of: str | None = Param(None, description="the text field whose words have these values")

    def infer_facts(self, values: Any) -> FieldFacts:
        """Return the shape and the number of invalid targets."""
        import numpy as np

        if self.of is not None:
            flat = [item for row, value in enumerate(to_list(values)) for item in _words(value, row)]
            return FieldFacts(
                shape=Shape("valid", (None,), "bool"), mean=float(np.mean(flat)) if flat else None
            )
        _refuse_lists(values)
        flags = self.encode(values, FieldFacts(shape=Shape("valid", (), "bool")))
        return FieldFacts(
            shape=Shape("valid", flags.shape[1:], "bool"), mean=float(np.mean(flags)) if flags.size else None
        )

    def aligned_with(self) -> str | None:
        """Return the text field."""
        return self.of

    def encode_at(self, values: Any, facts: FieldFacts, places: list[list[int]]) -> Array:
        """Return bool [rows, length]; raises `ProblemError` DAT365 if a text has more or fewer words."""
        import numpy as np

        width = 1 + max((max(row, default=0) for row in places), default=0)
        flags = np.zeros((len(places), width), bool)
        for row, (value, spots) in enumerate(zip(to_list(values), places, strict=True)):
            words = list(_words(value, row))
            if words and len(words) != len(spots):
                raise ProblemError(_uneven(len(words), len(spots), self.of or "", row))
            for item, spot in zip(words, spots, strict=False):
                if spot >= 0:
                    flags[row, spot] = item
        return flags

    def code(self, name: str, facts: FieldFacts, raw: RawColumn) -> Code:
        """Return code for arrays of flags."""
        if raw.kind != "array":
            raise NotWrittenError(f"flags of `{name}` that are no array")
        return Code(f"np.asarray({raw.code}).astype(bool)")

    def encode(self, values: Any, facts: FieldFacts) -> Array:
        """Return bool [rows] or [rows, units]; raises `ProblemError` DAT319 for values that are not true or false."""
        import numpy as np

        try:
            array = np.asarray(values)
        except ValueError:  # lists of several sizes in lists
            raise ProblemError(_no_flags(None)) from None
        if array.ndim == 1 and array.dtype.kind in "USO":
            array = _flags(
                values
                if isinstance(values, TextColumn)
                else TextColumn.of(map(text_in, array, range(len(array))))
            )
        if array.ndim > 2:
            raise ProblemError(_table_of_flags(array.shape[1:]))
        if array.dtype.kind not in "biuf":
            raise ProblemError(_no_flags(None))
        wrong = (array != 0) & (array != 1)
        if wrong.any():
            raise ProblemError(_no_flags(int(np.nonzero(wrong)[0][0])))
        return array.astype(bool)


def _words(value: Any, row: int) -> Iterable[bool]:
    """Return the values of the words of a text."""
    if value is None:
        return []
    if not isinstance(value, list | tuple) or not all(item in (0, 1) for item in value):
        title = f"a sample contains `{str(value)[:24]}`, but a list of true and false is needed"
        raise ProblemError(Problem("DAT319", title, label="read as valid", helps=("use 0 and 1",), row=row))
    return [bool(item) for item in value]


def _refuse_lists(values: Any) -> None:
    """Raise `ProblemError` DAT319 for lists of different lengths."""
    rows = values if isinstance(values, list) else ()
    lengths = [len(value) if isinstance(value, list | tuple) else -1 for value in rows]
    odd = next((row for row, length in enumerate(lengths) if length != lengths[0]), None)
    gap = next((row for row, value in enumerate(rows) if value is None), None)
    if odd is not None and gap is not None:
        title, helps = "a sample has no value", ("remove the sample, or write false for its targets",)
        raise ProblemError(Problem("DAT319", title, label="read as valid", helps=helps, row=gap))
    if odd is not None:
        title = f"samples contain {max(0, lengths[0])} and {max(0, lengths[odd])} values"
        helps = ("state `of: TEXT` if these are values of words",)
        raise ProblemError(Problem("DAT319", title, label="read as valid", helps=helps, row=odd))


def _uneven(values: int, words: int, of: str, row: int) -> Problem:
    return Problem(
        "DAT365",
        f"a sample has {values} values for the {words} words of `{of}`",
        label="one value for each word",
        helps=("correct the sample",),
        row=row,
    )


def _flags(column: TextColumn) -> Array:
    """Return boolean texts as 1 and 0; raises `ProblemError` DAT319 for others and for gaps."""
    import numpy as np

    texts, codes = column.factorise()
    truth = np.array([_TRUTH.get((text or "").strip().lower(), -1) for text in texts], np.int64)[codes]
    if (truth < 0).any():
        raise ProblemError(_no_flags(int((truth < 0).argmax())))
    return truth


def _table_of_flags(sizes: tuple[int, ...]) -> Problem:
    title = f"a sample contains {' x '.join(map(str, sizes))} values, but one value or a list is needed"
    helps = ("give each sample one value, or one for each entry of the target's first axis",)
    return Problem("DAT319", title, label="read as valid", helps=helps)


def _no_flags(row: int | None) -> Problem:
    title = "values are not true or false"
    return Problem("DAT319", title, label="read as valid", helps=("use 0 and 1",), row=row)
