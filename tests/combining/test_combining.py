"""Specs over the whole catalogue that validate also train, predict, and go on after a kill."""

from __future__ import annotations

import pytest

from tests.combining.calling import figures_of


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_specs_that_validate_do_all_that_they_promise() -> None:
    """Of a few seeded specs nearly all validate clean, and none fails; what is refused is refused by a finding."""
    found = figures_of("--seed", "1", "--specs", "14", "--whole", "5")
    assert found["clean"] > 10
