"""Shares of datasets in a batch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declare.parsing import parser

SIZES = st.dictionaries(st.sampled_from("abcde"), st.integers(1, 10**6), min_size=1)


def shares(sizes, **block):
    return parser.parse("mixes", block).shares(sizes)


@given(SIZES)
def test_temperature_one_is_proportional_and_a_high_one_is_equal(sizes):
    """The temperature leads from one mix to the other."""
    assert shares(sizes, type="temperature", t=1.0) == pytest.approx(shares(sizes, type="proportional"))
    assert shares(sizes, type="temperature", t=1e6) == pytest.approx(shares(sizes, type="equal"), rel=1e-4)


def test_temperature_two_takes_square_roots():
    """Sizes 1 and 9 get shares 1/4 and 3/4."""
    assert shares({"a": 1, "b": 9}, type="temperature", t=2.0) == pytest.approx({"a": 0.25, "b": 0.75})
