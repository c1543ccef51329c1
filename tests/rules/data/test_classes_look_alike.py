"""Classes that differ in what is hardly seen are found, and those that are meant to differ are not."""

import pytest

from declare.rules.data.classes_look_alike import _groups_alike


@pytest.mark.parametrize(
    "classes",
    [
        ("caf\u00e9", "cafe\u0301"),
        ("cat", "cat "),
        ("cat", "\u00a0cat"),
        ("cat", "Cat"),
        ("cat", "ca\u200bt"),
        ("a b", "a  b"),
        ("1", "1.0"),
        ("5", "\uff15"),
        ("cat", "c\u0430t"),
        ("KM", "\u041a\u041c"),
        ("a-b", "a\u2010b", "a\u2011b", "a\u2013b"),
        ("it's", "it\u2019s"),
        ("  ",),
    ],
)
def test_what_looks_alike_is_one_group(classes):
    """Unicode forms, case, spaces, signs without width and `.0` do not make a class another one to a reader."""
    assert _groups_alike(("other", *classes)) == [list(classes)]


@pytest.mark.parametrize(
    "classes",
    [
        ("a", "A"),
        ("007", "7"),
        ("12E3", "12000"),
        ("true", "1"),
        ("cat", "car"),
        ("\u03b1", "\u03b2"),
        ("a-b", "a_b"),
    ],
)
def test_what_is_meant_to_differ_is_left_alone(classes):
    """Letters in two cases and codes are classes of their own."""
    assert _groups_alike(classes) == []


def test_a_class_that_looks_like_a_mark():
    """A value that differs from a mark for missing ones in case alone is hardly a class."""
    assert _groups_alike(("a", "na"), ["NA", "?"]) == [["na", "NA"]]
