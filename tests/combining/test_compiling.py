"""Programs of drawn specs follow their runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.combining.compiling import plain

ROOT = Path(__file__).parents[2]


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
    words = ["--compile", "--seed", "1", "--specs", "8"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.combining", *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert found["failed"] == {}, done.stderr
    assert found["clean"] > 1
