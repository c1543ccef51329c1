"""Runs of every mechanism, killed with SIGKILL at random moments, end as if nobody had touched them."""

import json
from functools import reduce
from importlib import import_module

import pytest

from tests.harness import forkserver
from tests.harness.kill_resume import MOMENTS


def hunt(*words):
    """Return the figures of a hunt."""
    done = forkserver.run("tests.harness.kill_resume", *map(str, words), timeout=900)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("moment", MOMENTS)
def test_each_moment_is_a_function(moment):
    """A function that was renamed would be interrupted no more."""
    module, path, _ = MOMENTS[moment]
    assert callable(reduce(getattr, path.split("."), import_module(module)))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_fifty_kills_and_twenty_stops_at_random_moments_leave_no_trace():
    """Kills, in saves, evaluations, hand-overs and micro-batches too, lose no save; they and stops change no bit."""
    found = hunt("--kills", 50, "--cli", 2, "--stops", 20)
    assert found["failures"] == []
    assert found["kills"] >= 50 + 1
    assert found["stops"] == 20
    assert found["where"]["status 75"] > 5
    assert len(found["where"]) > 8


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_hunt_finds_a_part_of_the_state_that_is_lost():
    """Where resumed runs do not get the averaged weights back, the hunt says which tensors differ."""
    found = hunt("--kills", 12, "--forget", "average", "--seed", 1)
    assert any("differs after" in failure for failure in found["failures"])
