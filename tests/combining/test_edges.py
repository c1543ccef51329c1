"""Every parameter at each of its edges is refused by a finding, or trains and predicts."""

from __future__ import annotations

from pathlib import Path

import pytest

from declare.parsing.annotation import fields
from declare.parsing.lookup import find, kinds, own_names
from tests.combining.bounds import LANGUAGE, language_keys, targets
from tests.combining.calling import figures_of


def test_every_component_has_its_turn() -> None:
    """Those with parameters do, save where they run somebody's own code; the language's blocks come first."""
    found = targets()
    assert found[0] == (LANGUAGE, LANGUAGE)
    for kind in kinds():
        known = {name: find(kind, name) for name in own_names(kind)}
        able = {name for name, cls in known.items() if cls and not cls.trusted_only and fields(cls)}
        assert {name for one, name in found if one == kind} >= able
    assert ("EarlyStop", "patience") in language_keys()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_edges_that_validate_train(tmp_path: Path) -> None:
    """Of a few components, each of them is refused or does what it says; some do."""
    log = tmp_path / "edges.jsonl"
    found = figures_of("--edges", "--only", "schedules/c", "--portion", "0/4", "--log", str(log))
    assert found["counts"]["total"]["clean"] > 0
