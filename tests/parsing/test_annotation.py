"""Annotations are taken apart into forms."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field

from declare.contract.component import Slot
from declare.contract.duration import Duration
from declare.contract.kinds.loss import Loss
from declare.parsing.annotation import accepts, form, kind_of
from declare.parsing.phrases import bounds_text, plural, type_text


def test_bounds_reach_the_options():
    """Bounds stated for a union hold for each of its options."""
    item = form(float | None, [Field(gt=0)])
    assert [option.bounds for option in item.options] == [{"gt": 0}, {"gt": 0}]
    assert item.nullable


def test_inner_bounds_win():
    """Bounds of an inner annotation are found in lists."""
    item = form(list[Annotated[int, Field(ge=2)]])
    assert item.arguments[0].bounds == {"ge": 2}


def test_slot_reaches_components_alone():
    """A slot around a union belongs to the options that are components."""
    item = form(list[Loss] | Loss | str | None, [Slot("losses")])
    assert [option.slot for option in item.options] == ["losses", "losses", None, None]


@pytest.mark.parametrize(
    ("annotation", "legal"),
    [
        (int, {"int"}),
        (float, {"int", "float"}),
        (bool, {"bool"}),
        (str, {"text"}),
        (list[int], {"list"}),
        (dict[str, int], {"map"}),
        (Literal["a", 1], {"text", "int"}),
    ],
)
def test_accepts(annotation, legal):
    """Each type takes values of its own kinds and of no other."""
    kinds = {"null", "bool", "int", "float", "text", "list", "map"}
    assert {kind for kind in kinds if accepts(form(annotation), kind)} == legal


@pytest.mark.parametrize(
    ("value", "kind"),
    [(None, "null"), (True, "bool"), (1, "int"), (1.0, "float"), ("", "text"), ([], "list"), ({}, "map")],
)
def test_kind_of(value, kind):
    """A bool is no number, and an integer is not any number."""
    assert kind_of(value) == kind


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (Annotated[int, Field(ge=1)], "an integer of at least 1"),
        (Annotated[float, Field(ge=0, le=1)], "a number from 0 to 1"),
        (Annotated[float, Field(gt=0)] | Literal["auto"] | None, "a number above 0 or `auto`"),
        (bool | Literal["auto"], "`true`, `false` or `auto`"),
        (list[Annotated[int, Field(gt=0)]], "a list of integers above 0"),
        (Annotated[Loss, Slot("losses")], "a loss"),
        (dict[str, float], "a mapping of names to numbers"),
    ],
)
def test_words(annotation, words):
    """What is wanted is said in plain words."""
    assert type_text(form(annotation)) == words


def test_plural():
    """Plurals keep what follows the noun."""
    assert plural("an integer above 0") == "integers above 0"
    assert bounds_text("a number", {"gt": 0, "lt": 1}) == "a number above 0 and below 1"


@pytest.mark.parametrize(
    "text", ["1000000 steps", "1234567 steps", "0.0000001 epochs", "12.3456789%", "5 epochs"]
)
def test_a_duration_is_written_as_it_was_stated(text):
    """No digit is lost, and what is written can be read again."""
    assert str(Duration.parse(text)) == text
