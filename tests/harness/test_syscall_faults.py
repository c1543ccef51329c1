"""Saves killed at system calls by strace; needs it and the right to trace, and is left out without."""

import json
import shutil

import pytest

from tests.harness import forkserver


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_save_that_is_killed_or_refused_at_a_system_call_loses_nothing():
    """At every fsync and rename, at every refused write, fsync and rename, the old checkpoint or the new one stands."""
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    done = forkserver.run("tests.harness.syscall_faults", "--calls", "fsync", "rename")
    if "strace cannot be used here" in done.stderr:
        pytest.skip("needs the right to trace")
    found = json.loads(done.stdout)
    assert found["failures"] == []
    assert found["points"] > 30
