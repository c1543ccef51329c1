"""`fix`: what findings propose, applied to the text."""

from __future__ import annotations

from pathlib import Path

import pytest

from declare.__main__ import main
from tests.cli.commands.test_validate import GOOD

WRONG = GOOD.replace("hidden: [8]}", "hiden: [8]}   # a comment")


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a spec with one misspelt key."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "spec.yaml"
    path.write_text(WRONG)
    return path


def test_fix_changes_the_key_alone(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt key is renamed; comments and everything else stay, and nothing is left to find."""
    assert main(["fix", "spec.yaml"]) == 0
    assert spec.read_text() == WRONG.replace("hiden", "hidden")
    assert "spec.yaml: " in capsys.readouterr().err


def test_diff_changes_nothing(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--diff` prints the change, leaves the file alone, and exits with 1 since something would change."""
    assert main(["fix", "spec.yaml", "--diff"]) == 1
    assert spec.read_text() == WRONG
    output = capsys.readouterr().out
    assert "-  encoder: {type: mlp, input: features, hiden: [8]}   # a comment" in output
    assert "+  encoder: {type: mlp, input: features, hidden: [8]}   # a comment" in output


def test_a_good_spec_stays(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is written where nothing is wrong."""
    spec.write_text(GOOD)
    before = spec.stat().st_mtime_ns
    assert main(["fix", "spec.yaml"]) == 0
    assert spec.stat().st_mtime_ns == before
    capsys.readouterr()


def test_a_missing_space_loses_no_value(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`epochs:2` and `epoch:2` read as names without a value: that is one finding, and the value stays."""
    for written in ("epochs:2", "epoch:2"):
        spec.write_text(GOOD.replace("epochs: 2", written))
        assert main(["fix", "spec.yaml"]) == 0
        assert spec.read_text() == GOOD
    capsys.readouterr()
