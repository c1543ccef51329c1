"""The stub of a command: its file and its test."""

from pathlib import Path

from declare.dev.repository import ROOT

_COMMAND = '''"""Say in one sentence what it does."""

from declare.cli import options
from declare.cli.failure import CommandError


def command(spec: options.SpecFile, *, set: options.Set = None, format: options.TextOrJson = "text") -> None:
    """Say in one sentence what it does."""
    raise CommandError(f"`NAME` cannot read {spec} yet ({format}, {len(set or ())} overrides)", hint="write it")
'''
_TEST = '''"""`dcl NAME`."""

import pytest

from declare.__main__ import main


def test_the_help_of_NAME_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    """It says what the command does."""
    assert main(["NAME", "--help"]) == 0
    assert "Say in one sentence" not in capsys.readouterr().out
'''


def files(name: str) -> dict[Path, str]:
    """Return the text of each file of a new command."""
    return {
        ROOT / "declare" / "cli" / "commands" / f"{name}.py": _COMMAND.replace("NAME", name),
        ROOT / "tests" / "cli" / f"test_{name}.py": _TEST.replace("NAME", name),
    }


def announcement(name: str) -> str:
    """Return the line of the changelog."""
    return f"- `dcl {name}`."
