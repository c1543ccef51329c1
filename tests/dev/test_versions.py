"""Trying versions: environments one after another, and a table that keeps what was not tried again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from declare.dev import versions
from declare.dev.versions import Environment, Interpreter, Trial

HERE = Interpreter(Path(sys.executable), ".".join(map(str, sys.version_info[:3])))


@pytest.fixture
def called(monkeypatch):
    """Run no command: note each as text, and let those that contain a word of `failing` fail."""
    calls: list[str] = []

    def call(self, command):
        calls.append(" ".join(map(str, command)))
        if "metadata" in calls[-1]:
            return subprocess.CompletedProcess(
                command, 0, '["1"' + ', "2"' * (len(versions.SHOWN) - 1) + "]", ""
            )
        if "train" in command:
            (self.folder / "run").mkdir(exist_ok=True)
            (self.folder / "run" / "metrics.json").write_text('{"test/digit/accuracy": 0.98}')
        failed = any(word in calls[-1] for word in calls.failing)
        return subprocess.CompletedProcess(command, int(failed), "12 passed in 3.4s (0:00:03)\n", "no")

    calls = type("Calls", (list,), {"failing": ()})()
    monkeypatch.setattr(Trial, "_call", call)
    return calls


@pytest.mark.parametrize("resolution", versions.RESOLUTIONS)
def test_an_environment_is_installed_trained_in_and_tested(resolution, called, tmp_path):
    """Each environment installs its own versions, trains the digits and runs the suite."""
    row = Trial(Environment(resolution, HERE), tmp_path).run(suite=True, processes=2)
    assert (row["install"], row["digits"], row["suite"]) == (
        "done, 0 s",
        "accuracy 0.980, 0 s",
        "12 passed, 0 s",
    )
    assert any("constraints.txt" in line for line in called) == (resolution == "constrained")
    assert any("lowest-direct" in line for line in called) == (resolution == "lowest")
    assert row["torch"] == "1"


@pytest.mark.parametrize(("failing", "left_out"), [("venv", "digits"), ("train", ""), ("pytest", "")])
def test_a_failure_stands_in_the_table(failing, left_out, called, tmp_path):
    """What fails says its last line; without an installation nothing else is tried."""
    called.failing = (f"-m {failing}" if failing != "train" else failing,)
    row = Trial(Environment("newest", HERE), tmp_path).run(suite=True, processes=2)
    assert any(row[key] == "failed: 12 passed" for key in ("install", "digits", "suite"))
    assert not left_out or row[left_out] == "-"


def test_rows_of_other_environments_stay(called, tmp_path, monkeypatch):
    """A page keeps the rows that were not tried again, and a new row takes the place of its old one."""
    monkeypatch.setattr(versions, "PAGE", tmp_path / "versions.md")
    assert versions.versions(["lowest", "newest"], [HERE.path], suite=False) == 0
    called.failing = ("train",)
    assert versions.versions(["newest"], [HERE.path], suite=False) == 1
    lowest, newest = versions.read(tmp_path / "versions.md")
    assert (lowest["environment"], lowest["digits"], lowest["suite"]) == (
        "lowest",
        "accuracy 0.980, 0 s",
        "-",
    )
    assert newest["digits"].startswith("failed")


def test_pythons_that_are_not_there_are_named(tmp_path, monkeypatch, capsys):
    """A Python that is missing, or a shim of one, is named and left out; nothing tried is no success."""
    shim = tmp_path / "python3.12"
    shim.write_text("#!/bin/sh\necho not installed >&2; exit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert versions.interpreters() == ([], [f"python{minor}" for minor in versions.pythons()])
    assert versions.versions(["newest"], [tmp_path / "nowhere"]) == 1
    assert "nowhere is not there" in capsys.readouterr().out
    assert versions.interpreters([HERE.path]) == ([HERE], [])
