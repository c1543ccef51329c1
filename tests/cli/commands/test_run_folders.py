"""Commands that take a run folder refuse what is none at once."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("words", ["predict {}", "evaluate {}", "inspect {}"])
def test_no_run_is_refused_before_torch_is_imported(words, tmp_path):
    """RES808 in the time that it takes to look."""
    code = (
        "import sys; from declare.__main__ import main; code = main(sys.argv[1:]); "
        "print(code, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words.format(tmp_path).split()],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "RES808" in done.stderr
    assert done.stdout.split() == ["2", "False"]
