"""The committed programs are what is written today, and are sound Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from declare.dev.generators.programs import program

ROOT = Path(__file__).parents[2]
SPECS = sorted((ROOT / "specs").glob("*.yaml"))


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_the_program_of_a_spec_is_committed(spec: Path) -> None:
    """`python -m declare.dev generate --all` would change nothing."""
    folder = ROOT / "generated" / spec.stem
    files = program(spec)
    assert files.keys() == {path.name for path in folder.iterdir() if path.is_file()}
    assert [name for name, text in files.items() if text != (folder / name).read_text(encoding="utf-8")] == []


def test_programs_pass_a_linter() -> None:
    """Names exist, imports are used, nothing is compared that cannot be."""
    words = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--select",
        "E9,F,B,PLE",
        "--ignore",
        "B905,B020,B007,F841",
    ]
    done = subprocess.run([*words, str(ROOT / "generated")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
