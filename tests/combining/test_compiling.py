"""Programs of drawn specs follow their runs."""

from __future__ import annotations

import pytest

from tests.combining.calling import figures_of
from tests.combining.compiling import plain


def test_what_has_no_code_is_left_out() -> None:
    """The rest of a spec stays, and the spec that was given."""
    phase = {"steps": 2, "balance": "pcgrad", "schedule": {"type": "plateau"}, "mix": "uniform"}
    spec = {"phases": {"p": dict(phase)}, "hardware": {"precision": "fp16"}, "tasks": {"t": {}}}
    assert plain(spec)["phases"]["p"] == {"steps": 2, "mix": "uniform"}
    assert plain(spec)["tasks"] == spec["tasks"]
    assert spec["phases"]["p"] == phase


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_programs_of_drawn_specs_follow_their_runs() -> None:
    """Of a few seeded specs some have code for all they hold, and none of their programs differs."""
    found = figures_of("--compile", "--seed", "1", "--specs", "8")
    assert found["clean"] > 1
