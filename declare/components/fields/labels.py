"""Several labels at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

from pydantic import Field as Param

from declare.components.fields._label_rows import another_separator, flags
from declare.components.fields._names import factorise, factorise_lists
from declare.components.fields._values import (
    Marks,
    in_order,
    index_of,
    mark_text,
    text_in,
    text_of,
    to_list,
    twice,
)
from declare.contract.code import Code, NotWrittenError, RawColumn
from declare.contract.facts import FieldFacts
from declare.contract.kinds.field import Field
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array, Layout, Shape
from declare.contract.text_column import TextColumn

if TYPE_CHECKING:
    from declare.components.fields._numbers import Table


class Labels(Field):
    """Any number of classes at once: rows of 0 and 1 [classes], lists of names, or texts with a separator.

    A name is a text, as in `category`, without surrounding spaces. Lists are rows of 0 and 1 if all have
    equal length and contain only 0, 1 and missing values. Encoded as float32 [rows, classes]: 1 if the class
    applies, NaN if it is unknown. Unknown are: all classes of a row without a value, missing entries of a row
    of 0 and 1, and, in a list or text that contains a mark of `missing`, all classes that it does not name.

    Example:
        ```yaml
        fields: {genres: {type: labels, separator: "|"}}
        ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("multilabel", "multi_label", "set", "tags_set")

    layout: ClassVar[Layout] = "labels"

    classes: int | Annotated[list[str | int | bool], Param(min_length=1)] | None = Param(
        None, description="number of classes or their names; checked against the data"
    )
    separator: str = Param("|", min_length=1, description="what separates names in a text")

    def check(self) -> Iterable[Problem]:
        """Yield a problem for a class or a column stated twice."""
        yield from super().check()
        if isinstance(self.classes, list):
            yield from twice(self.classes, "classes")

    def infer_facts(self, values: Any) -> FieldFacts:
        """Return class names; raises `ProblemError` DAT385 if another separator separates the names."""
        import numpy as np

        table = self._table(values)
        stated = [str(text_of(name)) for name in self.classes] if isinstance(self.classes, list) else None
        if table is not None:
            width = table.values.shape[1]
            if stated and len(stated) != width:
                raise ProblemError(self._other_number(len(stated), width))
            names = stated or list(map(str, range(width)))
            missing, unused = int(np.isnan(table.values).all(axis=1).sum()), table.unused
        else:
            named = self._distinct_names(values)
            are_all_stated = bool(stated) and set(named.texts) - {None} <= set(stated or ())
            odd = another_separator(
                named.texts,
                self.separator,
                are_all_stated or "separator" in self.model_fields_set,
                named.codes,
            )
            if problems := list(odd):
                raise ProblemError(*problems)
            names = stated or in_order(name for row in named.rows if row for name in row if name is not None)
            gone = np.array([row is None for row in named.rows], bool)
            missing, unused = int(gone[named.codes].sum()), named.unused
        extra = {"table": table is not None} | ({"unused_marks": unused} if unused else {})
        return FieldFacts(
            shape=Shape("labels", (len(names),)),
            classes=tuple(names),
            num_missing=missing,
            unique=len(names),
            extra=extra,
        )

    def summary(self, values: Array, valid: Mapping[str, Array]) -> dict[str, Any]:
        """Return `rates`: the fraction of samples with each label, by `valid` field (`""`: over all values)."""
        import numpy as np

        rates = {}
        for name, usable in {"": np.ones(len(values), bool), **valid}.items():
            if usable.ndim > 1 and usable.shape[1:] != values.shape[1:]:
                continue
            known = usable.reshape(len(usable), -1) & np.isfinite(values)
            positive = (known & (values > 0)).sum(0)
            rates[name] = (positive / np.maximum(known.sum(0), 1)).tolist()
        return {"rates": rates}

    def compare(self, facts: FieldFacts) -> Iterable[Problem]:
        """Yield a problem if the stated number of classes contradicts the data."""
        num_classes = len(facts.classes or ())
        if isinstance(self.classes, int) and self.classes != num_classes:
            yield self._other_number(self.classes, num_classes)

    @staticmethod
    def _other_number(stated: int, num_classes: int) -> Problem:
        return Problem(
            "LOS401",
            f"{stated} classes are stated, but the data have {num_classes}",
            at="classes",
            label=f"{stated} stated here",
            helps=(f"remove `classes` (it is inferred from the data), or set it to {num_classes}",),
        )

    def encode(self, values: Any, facts: FieldFacts) -> Array:
        """Return float32 [rows, classes]; raises `ProblemError` DAT301 for values that are not classes or flags."""
        import numpy as np

        if facts.extra.get("table"):
            table = self._table(values, len(facts.classes or ()))
            if table is None or not np.isin(table.values[~np.isnan(table.values)], (0, 1)).all():
                odd = None if table is None else table.values[~np.isin(table.values, (0, 1, np.nan))]
                others = "" if odd is None else ", ".join(f"{value:g}" for value in np.unique(odd)[:4])
                raise ProblemError(
                    Problem(
                        "DAT301",
                        "labels contain values other than 0 and 1" + (f": {others}" if others else ""),
                        label="these labels",
                        helps=(
                            "write 1 for each label that applies and 0 for the others, or lists of names",
                        ),
                    )
                )
            return table.values.astype(np.float32)
        index = index_of(facts.classes or ())
        named = self._distinct_names(values)
        encoded = np.zeros((len(named.rows), len(index)), np.float32)
        for place, names in enumerate(named.rows):
            if names is None or None in names:
                encoded[place] = np.nan
            for name in filter(None, names or ()):
                if name not in index:
                    row = int((named.codes == place).argmax())
                    title = f"label `{name[:40]}` is not one of the {len(index)} classes"
                    raise ProblemError(
                        Problem(
                            "DAT301",
                            title,
                            label="these labels",
                            helps=("add it to `classes`, or correct the sample",),
                            row=row,
                        )
                    )
                encoded[place, index[name]] = 1
        return encoded[named.codes]

    def code(self, name: str, facts: FieldFacts, raw: RawColumn) -> Code:
        """Return code that gives rows of 0 and 1 for tables, lists of names, or texts with a separator."""
        if facts.extra.get("table"):
            if self.missing:
                raise NotWrittenError(f"marks among the labels of `{name}`")
            return Code(f"np.asarray({raw.code}, np.float32)")
        if raw.kind == "array" or not all(isinstance(mark, str) for mark in self.missing):
            raise NotWrittenError(f"labels or marks of `{name}` that are no texts")
        marks = "{" + ", ".join(dict.fromkeys(["None", "''", *map(repr, self.missing)])) + "}"
        rows = f"{name}_rows = split_names({raw.code}, {self.separator!r}, {marks})"
        classes = f"{name.upper()}_CLASSES = {tuple(facts.classes or ())!r}"
        return Code(
            f"multi_hot({name}_rows, {name.upper()}_CLASSES)", (rows,), definitions=(classes, _SPLIT, _HOT)
        )

    def _table(self, values: Any, width: int = 0) -> Table | None:
        """Return rows of 0 and 1 (`width` columns for lists, if given), or None if the values are names."""
        import numpy as np

        from declare.components.fields._numbers import mask_marks

        marks, used = Marks(self.missing), set[str]()
        if isinstance(values, list) or (isinstance(values, np.ndarray) and values.dtype == object):
            stated = [str(text_of(name)) for name in self.classes] if isinstance(self.classes, list) else None
            table = flags(list(values), marks, stated, width)
            values, used = table or (values, used)
        if isinstance(values, np.ndarray) and values.ndim == 2 and values.dtype.kind in "fiub":
            return mask_marks(values, marks, used)
        return None

    def _distinct_names(self, values: Any) -> _DistinctNames:
        """Return the names in each distinct value: None for an unknown row, or for a missing-value mark in it."""
        import numpy as np

        marks = Marks(self.missing)
        rows = to_list(values) if isinstance(values, np.ndarray) and values.ndim > 1 else values
        if not isinstance(rows, TextColumn) and any(isinstance(row, list | tuple) for row in rows):
            return self._names_of_lists(list(rows), marks)
        factors = factorise(rows, self.missing)
        parts = [None if text is None else self._split(text) for text in factors.texts]
        named = [None if row is None else [None if text in marks else text for text in row] for row in parts]
        used = set(map(mark_text, marks.stated)) - set(
            marks.unused_in(text for row in parts for text in row or ())
        )
        return _DistinctNames(
            named, factors.codes, [mark for mark in factors.unused if mark not in used], factors.texts
        )

    def _split(self, value: Any) -> list[Any]:
        """Return the names in a text, any other value alone."""
        if not isinstance(value, str):
            return [value]
        return [part.strip() for part in value.split(self.separator) if part.strip()]

    def _names_of_lists(self, rows: list[Any], marks: Marks) -> _DistinctNames:
        import numpy as np

        single = [
            None if not isinstance(row, list | tuple) and text_in(row, at) in marks else row
            for at, row in enumerate(rows)
        ]
        lists = [row if isinstance(row, list | tuple) or row is None else self._split(row) for row in single]
        factors, owners = factorise_lists(lists, ())
        named: list[list[str | None] | None] = [None if row is None else [] for row in lists]
        for owner, code in zip(owners.tolist(), factors.codes.tolist(), strict=True):
            text, names = factors.texts[code], named[owner]
            if (
                text is not None and names is not None
            ):  # a gap in a list is not a name; with a mark the rest is unknown
                names.append(None if text in marks else text)
        seen = [*factors.texts, *(text_of(row) for row in rows if not isinstance(row, list | tuple))]
        return _DistinctNames(named, np.arange(len(rows)), marks.unused_in(seen) if marks.stated else [])


_SPLIT = '''def split_names(rows: list, separator: str, missing: set) -> list[list | None]:
    """Return the names in each value: None for an unknown row, or for a mark of a missing value in it."""
    named = []
    for row in rows:
        if not isinstance(row, list) and row in missing:
            named.append(None)
            continue
        parts = row if isinstance(row, list) else [part.strip() for part in row.split(separator) if part.strip()]
        named.append([None if part in missing else str(part) for part in parts if part is not None])
    return named'''
_HOT = '''def multi_hot(rows: list[list | None], classes: tuple[str, ...]) -> np.ndarray:
    """Return 1 for the classes of each row, else 0 [rows, classes]; NaN where they are unknown."""
    values = np.zeros((len(rows), len(classes)), np.float32)
    for row, names in zip(values, rows, strict=True):
        if names is None or None in names:
            row[:] = np.nan
        row[[classes.index(name) for name in names or () if name is not None]] = 1
    return values'''


class _DistinctNames(NamedTuple):
    """Names of distinct rows, the index [rows] of each row, marks that never occur, the distinct texts if any."""

    rows: Sequence[list[str | None] | list[str] | None]
    codes: Array
    unused: list[str]
    texts: Sequence[str | None] = ()
