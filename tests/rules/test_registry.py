"""Rules load fast: neither numpy nor torch nor rich comes with them."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from declare.rules.registry import rules
assert rules("names") and rules("facts") and rules("phases") and rules("lint")
print(sorted({"numpy", "torch", "rich", "polars", "sklearn"} & set(sys.modules)))
"""


def test_loading_all_rules_needs_no_heavy_library():
    """A process that has loaded every rule has loaded none of them."""
    found = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
