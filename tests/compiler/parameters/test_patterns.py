"""Patterns are globs over dotted names, in which `*` spans dots."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declare.compiler.parameters.patterns import matches, may_reach, unmatched_problem

NAMES = ["encoder.0.weight", "encoder.0.bias", "heads.digit.weight", "heads.digit.0.weight"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*", NAMES),
        ("encoder.*", NAMES[:2]),
        ("*.weight", [NAMES[0], NAMES[2], NAMES[3]]),
        ("heads.*.weight", NAMES[2:]),
        ("heads.digit.[0-9].weight", NAMES[3:]),
        ("encoder", []),
    ],
)
def test_matches(pattern, found):
    """A pattern matches whole names."""
    assert [name for name in NAMES if matches(pattern, name)] == found


@pytest.mark.parametrize(
    ("pattern", "prefix", "reached"),
    [
        ("encoder.*", "encoder.", True),
        ("encoder.*", "encoder2.", False),
        ("*.weight", "encoder.", True),
        ("heads.*.weight", "heads.digit.", True),
        ("encoder", "encoder.", False),
        ("enc?der.0.*", "encoder.", True),
        ("[ae]ncoder.*", "encoder.", True),
        ("heads.digit.weight", "heads.digit.", True),
    ],
)
def test_may_reach(pattern, prefix, reached):
    """A pattern reaches a node when some name below it could match."""
    assert may_reach(pattern, prefix) is reached


@given(st.text("ab.*?", max_size=6), st.text("ab.", max_size=4), st.text("ab.", max_size=4))
def test_reaching_is_never_wrong(pattern, prefix, rest):
    """What matches a name is said to reach every start of that name."""
    if matches(pattern, prefix + rest):
        assert may_reach(pattern, prefix)


@pytest.mark.parametrize("pattern", ["encoder", "encodr.*"])
def test_unmatched_suggests(pattern):
    """A module's bare name, or a slip in it, is told the pattern that was meant."""
    problem = unmatched_problem(pattern, "phases.fit.freeze.0.match", ["encoder", "heads.digit"], NAMES)
    assert problem.code == "REF202"
    assert problem.rewrites[0].value == "encoder.*"
