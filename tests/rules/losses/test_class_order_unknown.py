"""Names that have an order by themselves, and names that need one stated."""

import pytest

from declare.rules.losses.class_order_unknown import _have_order


@pytest.mark.parametrize(
    ("classes", "ordered"),
    [
        (("0", "1", "10"), True),
        (("-1", "0.5", "2e3"), True),
        (("A", "B", "C"), True),
        (("stage 1", "stage 2", "stage 3"), True),
        (("0-18", "19-35", "36-99"), True),
        (("high", "low", "mid"), False),
        (("g1", "g10", "g2"), False),
        (("18-25", "26-65", "<18", ">65"), False),
        (("1 mild", "2 strong", "3 worst"), True),
        (("v1.1", "v1.2", "v2.1"), False),
    ],
)
def test_order_of_names(classes, ordered):
    """Numbers and letters rise; words do not, nor do numbers that are sorted as texts."""
    assert _have_order(classes) == ordered
