"""Measures how long `dcl validate` takes over each hostile spec, and how much memory, in a process of its own.

    python -m tests.trust.measuring
    python -m tests.trust.measuring --lines parse names

Prints a line for each spec and one JSON object: specs, the longest and the largest of those that are refused before a
model is built, the same of the others (which import torch, as every sound spec does), and what went wrong: an exit
status that is no answer, a signal, or a file that a hostile spec left behind.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.trust.test_specs import GOOD, HOSTILE, ROOT

_TORCH_MB = 200
"""What a process that has imported torch takes at least."""


class Measured(NamedTuple):
    """What looking at a spec took."""

    name: str
    status: int
    seconds: float
    """Of computing: the wall clock also tells what else the machine does."""
    megabytes: float


def measured(name: str, text: str, folder: Path) -> Measured:
    """Validate a spec in a process of its own."""
    spec = folder / "spec.yaml"
    spec.write_text(text, encoding="utf-8")
    own = {"DECLARE_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": str(ROOT)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "declare", "validate", str(spec)],
            cwd=folder,
            env=os.environ | own,
            stdout=log,
            stderr=log,
        )
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Measured(name, process.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def main() -> int:
    """Measure what the command line asks for; 0 if every spec got an answer and left nothing behind."""
    parser = argparse.ArgumentParser(description="Measure `dcl validate` over hostile specs.")
    parser.add_argument("--lines", nargs="+", choices=list(HOSTILE), default=list(HOSTILE))
    asked = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "net.py").write_text("open('MARK', 'w')\n")
        (folder / "evil.pt").write_bytes(b"\x80\x04cos\nsystem\n")
        os.mkfifo(folder / "fifo")
        sound = measured("a sound spec", GOOD, folder)
        for line in asked.lines:
            for name, text in HOSTILE[line].items():
                found.append(measured(f"{line}: {name}", text, folder))
                sys.stdout.write("{:40.40} exit {:2} {:6.2f} s {:6.0f} MB\n".format(*found[-1]))
        wrong = [item.name for item in found if item.status not in {0, 1, 2}]
        wrong += ["MARK"] if (folder / "MARK").exists() else []
    early = [item for item in found if item.megabytes < _TORCH_MB]
    late = [item for item in found if item.megabytes >= _TORCH_MB]
    answer: dict[str, object] = {"specs": len(found), "sound": sound[2:], "wrong": wrong}
    for key, group in (("refused before torch", early), ("with torch", late)):
        most = {
            "specs": len(group),
            "seconds": round(max((item.seconds for item in group), default=0), 2),
            "megabytes": round(max((item.megabytes for item in group), default=0)),
        }
        answer[key] = most
    sys.stdout.write(json.dumps(answer) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
