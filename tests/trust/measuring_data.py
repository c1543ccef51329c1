"""Measures what `dcl` makes of the data files of `tests.trust.hostile_data`, in processes of its own.

    python -m tests.trust.measuring_data [--only PART-OF-A-NAME] [--memory MB ...] [--command validate]

Prints for each file its size, the exit status, the finding, seconds of computing and the peak of resident memory;
`--memory` limits the address space as `ulimit -v` does.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from declare.system.python_process import program_arguments
from tests.trust import honest_data, hostile_binaries, hostile_images  # noqa: F401 - they note their cases
from tests.trust.hostile_data import CASES, MB

SPEC = """declare: 1
name: x
datasets:
  d: {source: SOURCE, fields: FIELDS}
model:
  enc: {type: MODEL, input: a}
tasks:
  t: {type: classification, target: label}
phases:
  fit: {steps: 2, batch_size: 8, optimizer: {type: adamw, lr: 0.001}}
tracking: []
hardware: {accelerator: cpu, precision: fp32}
"""


class Measured(NamedTuple):
    """What a command made of a file."""

    name: str
    stored: float
    """MB on disk."""
    status: int
    finding: str
    seconds: float
    """Of computing."""
    megabytes: float
    """Of resident memory, at most."""


def write(name: str, folder: Path) -> Path:
    """Write the files of a case and a spec that names them; return the spec."""
    make, fields = CASES[name]
    text = SPEC.replace("SOURCE", make(folder)).replace("FIELDS", fields)
    kind = "cnn" if "image" in fields else "transformer" if "text" in fields else "mlp"
    more = (
        ", hidden: [4]" if kind == "mlp" else ", dim: 8, depth: 1, heads: 1" if kind == "transformer" else ""
    )
    spec = folder / "spec.yaml"
    spec.write_text(text.replace("MODEL", kind + more), encoding="utf-8")
    return spec


def measure(
    name: str, folder: Path, words: list[str], memory: int | None = None, limit: int = 120
) -> Measured:
    """Run a command over a case in a process of its own; `memory` is in MB of address space."""
    # In a process of its own: what it took would count as that of the next one.
    writer = multiprocessing.get_context("fork").Process(target=write, args=(name, folder))
    writer.start()
    writer.join()
    spec = folder / "spec.yaml"
    stored = sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file()) / MB
    own = {"DECLARE_CACHE_DIR": str(folder / "cache"), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

    def restrict() -> None:
        if memory is not None:
            resource.setrlimit(resource.RLIMIT_AS, (memory << 20, memory << 20))
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))

    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *program_arguments(*words, str(spec), "--format", "json")],
            cwd=folder,
            env=os.environ | own,
            stdout=log,
            stderr=log,
            preexec_fn=restrict,  # noqa: PLW1509 - there are no other threads
        )
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    said = (folder / "log").read_text(errors="replace")
    codes = dict.fromkeys(re.findall(r'"code": "([A-Z]{2,3}\d{3})"', said))
    finding = ", ".join(codes) or said.strip()[-60:]
    if "Traceback" in said:
        finding += " TRACEBACK"
    seconds = used.ru_utime + used.ru_stime
    return Measured(name, stored, process.returncode, finding, seconds, used.ru_maxrss / 1024)


def is_wrong(item: Measured) -> bool:
    """Whether a process ended by a signal, by a bug of ours, or with a traceback."""
    return item.status not in {0, 1, 2} or "TRACEBACK" in item.finding


def main() -> int:
    """Measure the cases that the command line asks for; 0 if each ended with an answer."""
    parser = argparse.ArgumentParser(description="Measure `dcl` over hostile data.")
    parser.add_argument("--only", default="", help="cases whose names hold this")
    parser.add_argument("--memory", type=int, nargs="*", default=[0], help="MB of address space, 0 for any")
    parser.add_argument("--command", nargs="+", default=["validate"])
    asked = parser.parse_args()
    wrong = []
    for name in [name for name in CASES if asked.only in name]:
        for memory in asked.memory:
            folder = Path(tempfile.mkdtemp(prefix="hostile-"))
            found = measure(name, folder, asked.command, memory or None)
            shutil.rmtree(folder)
            sys.stdout.write(
                f"{found.name:45} {found.stored:8.2f} MB {memory or '':>6}  exit {found.status:3} {found.finding[:44]:44}"
                f" {found.seconds:6.1f} s {found.megabytes:6.0f} MB\n"
            )
            sys.stdout.flush()
            wrong += [name] if is_wrong(found) else []
    sys.stdout.write(json.dumps({"wrong": wrong}) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
