"""Calls the hunt as its users do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def figures_of(*words: str) -> dict[str, Any]:
    """Return what `python -m tests.combining` prints; nothing may have failed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.combining", *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.stdout, done.stderr
    figures: dict[str, Any] = json.loads(done.stdout)
    assert not figures["failed"], done.stderr
    return figures
