"""Forked processes of tests end, print and are killed as those of `python -m` are."""

import signal
import subprocess

import pytest

from tests.harness import forkserver
from tests.harness.forkserver import ForkedProcess


def test_words_streams_and_status_are_its_own(tmp_path, capfd):
    """What it prints is no output of the test, and its folder is not the test's."""
    (tmp_path / "spec.yaml").write_text("declare: 1\n")
    done = forkserver.run("declare", "validate", "spec.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert "spec.yaml" in done.stdout
    assert "spec.yaml" not in done.stderr
    assert forkserver.run("declare", "nonsense").stderr
    assert capfd.readouterr() == ("", "")


def test_it_is_waited_for_and_killed(tmp_path):
    """Time that runs out is said, and a signal is the status."""
    process = ForkedProcess("tests.harness.slow_training", str(tmp_path / "run"))
    process.wait_for("training\n")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    assert process.poll() is None
    process.kill()
    assert process.wait() == -signal.SIGKILL
    with pytest.raises(AssertionError, match="status -9"):
        process.wait_for("nothing")
