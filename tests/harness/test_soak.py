"""Runs of two processes that are struck at random end as if nobody had touched them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_strikes_at_random_moments_leave_no_trace(strategy):
    """Kills of processes and of their launcher, in saves too, and requests to stop change no bit of the end."""
    words = ["--strikes", "6", "--steps", "500", "--every", "1", "--seed", "4", "--strategy", strategy]
    done = subprocess.run(
        [sys.executable, "-m", "tests.harness.soak", *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert found["failures"] == []
    assert found["struck"] > 2
