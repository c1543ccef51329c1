"""Runs of two processes that are struck at random end as if nobody had touched them."""

import json
import sys

import pytest

from tests.harness import soak


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_strikes_at_random_moments_leave_no_trace(strategy, capsys):
    """Kills of processes and of their launcher, in saves too, and requests to stop change no bit of the end."""
    words = ["--strikes", "6", "--steps", "300", "--every", "0.2", "--seed", "4", "--strategy", strategy]
    soak.main(words)
    found = json.loads(capsys.readouterr().out)
    assert found["failures"] == []
    assert found["struck"] > 2
