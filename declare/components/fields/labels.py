"""Several labels at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field as Param

from declare.components.fields._values import Scalar, in_order, index_of, missing_test, plain
from declare.contract.data import FieldFacts
from declare.contract.field import Field
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Layout, Shape

if TYPE_CHECKING:
    import numpy as np


class Labels(Field):
    """Any number of classes at once: rows of 0 and 1 [classes], lists of names, or texts with a separator.

    Encoded as float32 [rows, classes]: 1 where the class holds, NaN where it is not known.

    Example:
        ```yaml
        fields: {genres: {type: labels, separator: "|"}}
        ```
    """

    layout: ClassVar[Layout] = "labels"

    classes: int | list[str] | None = Param(None, description="number of classes or their names; checked")
    separator: str = Param("|", min_length=1, description="what separates names in a text")

    def examine(self, values: Any) -> FieldFacts:
        """Return class names and the samples per class."""
        import numpy as np

        table = self._table(values)
        stated = list(self.classes) if isinstance(self.classes, list) else None
        if table is not None:
            names: list[Scalar] = list(stated or range(table.shape[1]))
            missing = int(np.isnan(table).all(axis=1).sum())
        else:
            rows = [self._names(value) for value in values]
            names = list(stated or in_order(name for row in rows if row for name in row))
            missing = sum(row is None for row in rows)
        return FieldFacts(
            shape=Shape("labels", (len(names),)),
            classes=tuple(str(name) for name in names),
            num_missing=missing,
            unique=len(names),
        )

    def summary(
        self, values: np.ndarray[Any, Any], valid: Mapping[str, np.ndarray[Any, Any]]
    ) -> dict[str, Any]:
        """Return `rates`: the share of samples with each label, by `valid` field (`""`: over all that is known)."""
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
        """Yield where the stated number of classes contradicts the data."""
        found = len(facts.classes or ())
        if isinstance(self.classes, int) and self.classes != found:
            yield Problem(
                "LOS401",
                f"{self.classes} classes are stated but the data have {found}",
                at="classes",
                label=f"{self.classes} stated here",
                helps=(f"remove `classes` (it is read from the data), or set it to {found}",),
            )

    def encode(self, values: Any, facts: FieldFacts) -> np.ndarray[Any, Any]:
        """Return float32 [rows, classes]; raises `ProblemError` DAT301 for what is no class or not 0 or 1."""
        import numpy as np

        table = self._table(values)
        if table is not None:
            if not np.isin(table[np.isfinite(table)], (0, 1)).all():
                raise ProblemError(
                    Problem("DAT301", "labels hold values other than 0 and 1", label="these labels")
                )
            return table
        index = index_of(facts.classes or ())
        encoded = np.zeros((len(values), len(index)), np.float32)
        for row, value in enumerate(values):
            names = self._names(value)
            if names is None:
                encoded[row] = np.nan
                continue
            for name in names:
                if str(name) not in index:
                    raise ProblemError(
                        Problem("DAT301", f"label `{name}` is none of the {len(index)} classes", row=row)
                    )
                encoded[row, index[str(name)]] = 1
        return encoded

    def _table(self, values: Any) -> np.ndarray[Any, Any] | None:
        """Return rows of 0 and 1 as float32, or None where the values are names."""
        import numpy as np

        if isinstance(values, np.ndarray) and values.ndim == 2 and values.dtype.kind in "fiub":
            return values.astype(np.float32)
        return None

    def _names(self, value: Any) -> list[Scalar] | None:
        if isinstance(value, list | tuple):
            return [item for item in map(plain, value) if item is not None]
        text = plain(value)
        if text is None or str(text) in missing_test(self.missing):
            return None
        return [part.strip() for part in str(text).split(self.separator) if part.strip()]
