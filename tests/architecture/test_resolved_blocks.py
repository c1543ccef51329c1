"""Blocks of a plan are read at one place."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2] / "declare"
PARSES = re.compile(r"(?<![\w.])(parser\.)?parse\(\s*(\"|node\.kind|kind,)")


def test_blocks_of_a_plan_are_read_by_the_accessor_alone() -> None:
    """`read_component` is the one place that parses them: equal blocks are one component."""
    files = (path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py"))
    found = [name for name in files if PARSES.search((ROOT / name).read_text(encoding="utf-8"))]
    assert [name for name in found if not name.startswith("dev/")] == ["parsing/read_component.py"]
