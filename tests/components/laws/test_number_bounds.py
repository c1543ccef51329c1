"""Every number that is computed with has a lowest and a highest value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from declare.contract.component import DataValue
from declare.language.spec import Spec
from declare.parsing.annotation import TypeSpec, fields
from declare.parsing.lookup import find, kinds, own_names
from declare.parsing.parser import read

BLOCKS = [(kind, name) for kind in kinds() for name in own_names(kind)]
IN_UNITS_OF_DATA = {"range", "start", "end", "low", "high", "offset", "mean", "std", "fill", "log", "uniform"}
"""Numbers in the units of a field or of another parameter: single precision alone bounds them."""


def numbers(item: TypeSpec) -> Iterator[TypeSpec]:
    """Yield the forms of numbers that a parameter may be or hold."""
    for option in item.options:
        if option.annotation is float:
            yield option
        elif option.origin in {list, dict}:
            for inner in option.arguments:
                yield from numbers(inner)


def models(model: Any) -> Iterator[Any]:
    """Yield a block of the language and the blocks in it."""
    yield model
    for _, item in fields(model).values():
        for option in item.options:
            for inner in (option, *(option.arguments if option.origin in {list, dict} else ())):
                if inner.model is not None and not inner.slot:
                    yield from models(inner.model)


def unbounded(model: Any) -> list[str]:
    """Return the keys of numbers without a highest or a lowest value."""
    return [
        key
        for key, (_, item) in fields(model).items()
        for number in numbers(item)
        if not any(isinstance(mark, DataValue) for mark in number.metadata)
        and not ({"le", "lt"} & set(number.bounds) and {"ge", "gt"} & set(number.bounds))
        and key not in IN_UNITS_OF_DATA
    ]


@pytest.mark.parametrize(("kind", "name"), BLOCKS)
def test_numbers_of_components_are_bounded(kind: str, name: str) -> None:
    """A number above all sense is refused by its bounds, not by what comes of it in training."""
    cls = find(kind, name)
    assert cls is not None
    assert unbounded(cls) == []


def test_numbers_of_the_language_are_bounded() -> None:
    """So are those of the blocks around them."""
    assert {model.__name__: unbounded(model) for model in models(Spec) if unbounded(model)} == {}


@pytest.mark.parametrize("value", [1e-300, -1e-40, 1e39, float("inf"), float("nan")])
def test_single_precision_holds_what_has_no_bounds(value: float) -> None:
    """Models compute in single precision: a number that is infinite or zero there says something else."""
    _, problems = read("transforms", {"type": "log", "field": "x", "offset": value})
    assert [problem.code for problem in problems] == ["SCH108"]


@pytest.mark.parametrize("value", [1e308, float("nan"), -(2**62)])
def test_marks_of_data_are_any_number(value: float) -> None:
    """A mark for missing values is compared with the data as they are."""
    assert not read("fields", {"type": "number", "missing": [value]})[1]


def test_whole_numbers_are_exact() -> None:
    """A size above 2^53 is no size."""
    _, problems = read("modules", {"type": "mlp", "input": "x", "hidden": [2**60]})
    assert [problem.code for problem in problems] == ["SCH108"]
