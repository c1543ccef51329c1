"""Ranges of library parameters say what was tried: where the part works, and where it never does."""

from __future__ import annotations

import time
from typing import Any

from declare.parsing.annotation import form
from declare.system.parameter_ranges import (
    is_within,
    measure_range,
    measured_from,
    number_range,
    outcome,
    text_values,
    with_bounds,
)


def test_a_share_ends_at_0_and_1() -> None:
    """Bounds that belong to the range are `ge` and `le`, others `gt` and `lt`."""
    assert number_range("float", 0.3, lambda x: [0 <= x <= 1]) == {
        "works": [0.0, 1.0],
        "bounds": {"ge": 0.0, "le": 1.0},
    }
    assert number_range("float", 0.3, lambda x: [0 < x < 1])["bounds"] == {"gt": 0.0, "lt": 1.0}


def test_what_depends_on_the_sample_is_not_refused() -> None:
    """A number that works on some samples has no bound there; it is known to work only where all take it."""
    found = number_range("int", 1, lambda x: [x >= 1, 1 <= x <= 3])
    assert found == {"works": [1, 3], "bounds": {"ge": 1}}


def test_an_end_between_two_tries_is_no_bound() -> None:
    """Nobody knows where between them it lies."""
    assert number_range("float", 0.3, lambda x: [x < 7]) == {"works": [-100.0, 2.0]}


def test_a_gap_is_no_bound() -> None:
    """Numbers beyond one that fails may work again."""
    assert "bounds" not in number_range("int", 3, lambda x: [x % 2 == 1 or x < 0])


def test_texts_are_known_where_nonsense_fails() -> None:
    """A rule that takes any text says nothing of those that it knows."""
    assert text_values(["b", "a", "c"], lambda text: [text in "ab"]) == ["a", "b"]
    assert text_values(["a"], lambda text: [True]) == []


def test_lists_have_lengths_and_items() -> None:
    """Each place is tried by itself."""
    found = measure_range(
        "[float]", [0.9, 0.99], lambda x: [len(x) == 2 and all(0 <= item < 1 for item in x)]
    )
    assert found["lengths"] == [2]
    assert found["items"]["bounds"] == {"ge": 0.0, "lt": 1.0}


def test_a_parameter_without_a_default_starts_from_plain_numbers() -> None:
    """One that nothing works with has no range."""
    assert measured_from("float", [None], lambda x: [x >= 1]) == {"works": [1.0, 1e3], "bounds": {"ge": 1.0}}
    assert measured_from("float", [None], lambda x: [False]) == {}


def test_exceptions_and_time_are_outcomes() -> None:
    """What takes too long may work for all that anybody knows."""

    def fail() -> None:
        raise ValueError

    def hang() -> None:
        end = time.process_time() + 60
        while time.process_time() < end:
            pass

    assert outcome(lambda: None) == [True]
    assert outcome(fail) == [False]
    assert outcome(hang, seconds=0.05) == [True, False]


def test_types_have_the_bounds() -> None:
    """Readers refuse what lies outside before any library is asked."""

    def bounds(kind: Any, known: dict[str, Any]) -> dict[str, Any]:
        return form(with_bounds(kind, known)).bounds

    assert bounds(float, {"works": [0, 1], "bounds": {"ge": 0, "lt": 1}}) == {"ge": 0, "lt": 1}
    assert bounds(list[float], {"lengths": [2, 3]}) == {"min_length": 2, "max_length": 3}
    assert form(with_bounds(str, {"values": ["a", "b"]})).annotation.__args__ == ("a", "b")
    assert with_bounds(int, None) is int


def test_within_is_what_worked() -> None:
    """Truth values and lists are not numbers."""
    known = {"works": [0, 1], "values": ["a"]}
    assert is_within(0.5, known)
    assert is_within("a", known)
    assert not any(is_within(value, known) for value in (2, "b", True, [0.5], None))
    assert not is_within(0.5, None)
