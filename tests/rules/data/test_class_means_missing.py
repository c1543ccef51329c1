"""Classes that are called as missing values are found; numbers and names that are classes are not."""

import pytest

from declare.rules.data.class_means_missing import _marks


@pytest.mark.parametrize(
    ("classes", "marks"),
    [
        (("NA", "a", "b"), ["NA"]),
        (("a", "n/a"), ["n/a"]),
        (("NaN", "a"), ["NaN"]),
        (("\\N", "a"), ["\\N"]),
        (("?", "<=50K"), ["?"]),
        (("-1", "0", "1", "2"), ["-1"]),
        (("-999", "0", "1"), ["-999"]),
        (("0", "1", "NA"), ["NA"]),
        (("-1", "0", "1", "NA"), ["NA"]),
    ],
)
def test_marks_of_missing_values(classes, marks):
    """Names by R, pandas, SQL dumps and others, and a number below the indices of classes."""
    assert _marks(classes) == marks


@pytest.mark.parametrize(
    "classes",
    [
        ("none", "low", "high"),
        ("-1", "1"),
        ("-1", "0", "1"),
        ("-2", "-1", "0", "1", "2"),
        ("-5", "0", "1", "2"),
        ("Nan Goldin", "b"),
        ("+", "-"),
        ("unknown", "a"),
    ],
)
def test_classes_that_are_classes(classes):
    """Signs, scales around 0, words with a meaning."""
    assert _marks(classes) == []
