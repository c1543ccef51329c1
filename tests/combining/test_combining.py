"""Specs over the whole catalogue that validate also train, predict, and go on after a kill."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_specs_that_validate_do_all_that_they_promise() -> None:
    """Of a few seeded specs nearly all validate clean, and none fails; what is refused is refused by a finding."""
    words = ["--seed", "1", "--specs", "14", "--whole", "5"]
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
    assert found["clean"] > 10
