"""Field types: how raw values of a column become tensors, and what facts they carry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field as Param

from declare.contract.component import Component
from declare.contract.data import FieldFacts
from declare.contract.problem import Problem
from declare.contract.shapes import Layout

if TYPE_CHECKING:
    import numpy as np


class Field(Component):
    """One column of a dataset, typed.

    Encoded values are plain numpy: float32, int64, uint8 or bool arrays [rows, ...]. Missing targets are -1
    (category, mask), NaN (number, labels): losses and metrics leave them out.
    """

    layout: ClassVar[Layout]

    key: str | None = Param(None, description="where the field stands in the source, if not under its name")
    column: str | None = Param(None, description="the same as `key`, for tables")
    missing: list[int | float | str | bool | None] = Param(
        [], description='values that mean "no label": masked in losses and metrics'
    )

    def place(self, name: str) -> str:
        """Return the source's column for the field called `name`."""
        return self.column or self.key or name

    def examine(self, values: Any) -> FieldFacts:
        """Return the facts of raw `values`: the whole column, or a sample of rows of a heavy one.

        Raises `ProblemError` where the values cannot be of this type.
        """
        raise NotImplementedError

    def compare(self, facts: FieldFacts) -> Iterable[Problem]:
        """Yield where the parameters that the spec states contradict the facts."""
        return ()

    def encode(self, values: Any, facts: FieldFacts) -> np.ndarray[Any, Any]:
        """Return raw values as an array [rows, ...]; raises `ProblemError` for a value that cannot be encoded."""
        raise NotImplementedError
