"""Names of classes beside the values that stand for them."""

import numpy as np
import pytest

from declare.contract.problem import ProblemError
from declare.parsing import parser

NAMES = ["a", "b", "c"]


def field(type_="category", **block):
    return parser.parse("fields", {"type": type_, **block})


@pytest.mark.parametrize("type_", ["category", "mask"])
@pytest.mark.parametrize("values", [[1, 2], [2, 2], [1, 1]])
def test_names_beside_numbers_without_a_zero_are_asked_about(type_, values):
    """Labels 1 and 2 of three names may count from 0 or from 1; the fix names the value of each."""
    labels = np.array(values) if type_ == "category" else np.tile(np.array(values), (1, 4, 1))
    with pytest.raises(ProblemError) as caught:
        field(type_, classes=NAMES).infer_facts(labels)
    assert (caught.value.problem.code, caught.value.problem.at) == ("DAT404", "classes")
    assert caught.value.problem.rewrites[0].value == {"a": 1, "b": 2, "c": 3}


@pytest.mark.parametrize("values", [["1", "2", "3"], [-1, 1], [5, 7, 9]])
def test_numbers_in_order_are_proposed_for_as_many_names(values):
    """As many values as names are assigned in order."""
    names = NAMES[: len(values)]
    with pytest.raises(ProblemError) as caught:
        field(classes=names).infer_facts(values)
    assert caught.value.problem.rewrites[0].value == dict(zip(names, map(int, values), strict=True))


def test_a_mapping_names_each_value():
    """Its order is that of the classes, a class may have no sample, and any other value is refused by both names."""
    made = field(classes={"high": 3, "low": 1, "mid": "two"})
    facts = made.infer_facts(["1", "3", None])
    assert (facts.classes, facts.values) == (("high", "low", "mid"), ("3", "1", "two"))
    assert made.encode(["3", "1", "two", None], facts).tolist() == [0, 1, 2, -1]
    with pytest.raises(ProblemError, match="`low` is not") as caught:
        made.encode(["low"], facts)
    assert caught.value.problem.notes == ("the classes are high (3), low (1), mid (two)",)
    _, problems = parser.read("fields", {"type": "category", "classes": {"a": 1, "b": "1"}})
    assert [(problem.code, problem.at) for problem in problems] == [("DAT388", "classes.b")]


def test_names_beside_numbers_from_zero_are_assigned_in_order():
    """A gap is a class without samples; masks whose values are as many as their names count in order."""
    facts = field(classes=NAMES).infer_facts([0, 2, 0])
    assert field(classes=NAMES).encode([2, 0], facts).tolist() == [2, 0]
    assert field("mask", classes=["a", "b"]).infer_facts(np.array([[[1, 2]] * 3])).values == (1, 2)
