"""Titles fit one line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from declare.diagnostics.codes import make
from declare.diagnostics.titles import LIMIT, fit


@given(st.text(st.sampled_from("`ab ,\n"), max_size=300))
def test_every_title_fits(title):
    """No text gives a title of more than 80 characters."""
    assert len(fit(title)) <= LIMIT


def test_a_title_that_fits_stays():
    """A title of 80 characters is left as it is."""
    assert fit("x" * LIMIT) == "x" * LIMIT


def test_long_values_lose_their_middle():
    """Head and tail of a long value stay, and what the title says about it."""
    title = fit(f"there is no field `left_{'x' * 200}_right`, it has two others")
    assert title.startswith("there is no field `left_xx")
    assert title.endswith("_right`, it has two others")
    assert len(title) == LIMIT


def test_the_expected_goes_first():
    """What was expected is left out rather than the value."""
    title = fit("`every` is the text `1e400 epochs`, expected a duration such as `5 epochs` or `10%`")
    assert title == "`every` is the text `1e400 epochs`"


def test_findings_have_titles_that_fit():
    """Whoever makes a finding need not count."""
    assert len(make("SCH101", f"the spec has no key `{'x' * 3000}`").title) == LIMIT
