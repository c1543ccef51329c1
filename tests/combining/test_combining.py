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
@pytest.mark.xfail(strict=False, reason="parts of libraries and pairs are not tried before training yet")
def test_a_hundred_specs_that_validate_do_all_that_they_promise(tmp_path: Path) -> None:
    """Of seeded specs a hundred validate clean, and none of them fails; what is refused is refused by a finding."""
    words = ["--clean", "100", "--specs", "300", "--whole", "10", "--save", str(tmp_path)]
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
    assert found["failed"] == {}, "\n".join(path.read_text() for path in tmp_path.iterdir())
    assert found["clean"] == 100
