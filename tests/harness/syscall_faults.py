"""Kills a save at each of its system calls, or lets the disk refuse from each of them on, and looks what is left.

    python -m tests.harness.syscall_faults

Needs strace and the right to trace. Every save is made by a child that strace holds: it is killed in the n-th call of a
kind, for n = 1, 2, ... until the save is done before. `write` is also answered with ENOSPC from the n-th call on, and
the n-th `fsync` with EIO. A checkpoint must be found afterwards, whole, of the old step or of the new one, and of the
new one if that was acknowledged; nothing half done may stay. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import torch

from declare.contract.problem import ProblemError
from declare.runtime.checkpoint.atomic_write import CheckpointStore
from tests.harness.power_cut import found, save

KILLED = ("openat", "mkdir", "write", "fsync", "rename", "unlinkat", "rmdir", "unlink", "renameat", "close")
REFUSED = {"write": "ENOSPC", "fsync": "EIO", "rename": "EIO"}
DONE, FAILED = 0, 7
_MOST = 200


@dataclass
class Tally:
    """How many points were tried by kind of call, and what was wrong."""

    points: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def held(place: Path, step: int) -> int:
    """Fork a child that stops itself and then saves a step; return its process id."""
    child = os.fork()
    if child:
        os.waitpid(child, os.WUNTRACED)
        return child
    status = 1
    try:
        store = CheckpointStore(place)
        os.kill(os.getpid(), signal.SIGSTOP)
        save(store, step)
        status = DONE
    except ProblemError:
        status = FAILED
    finally:
        os._exit(status)
    raise AssertionError("the child has left")


def traced(child: int, call: str, inject: str) -> int:
    """Let a held child run under strace, which does as `inject` says; return how it ended."""
    tracer = subprocess.Popen(
        ["strace", "-f", "-qq", "-p", str(child), "-e", f"trace={call}", "-e", f"inject={call}:{inject}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    for _ in range(2000):
        if "TracerPid:\t0\n" not in Path(f"/proc/{child}/status").read_text() or tracer.poll() is not None:
            break
        time.sleep(0.002)
    if tracer.poll() is not None:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise RuntimeError(f"strace cannot be used here: {(tracer.stderr or sys.stdin).read()!r}")
    os.kill(child, signal.SIGCONT)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    tracer.wait()
    return status


def judge(place: Path, step: int, status: int, *, existing: bool) -> str:
    """Return what is wrong with what a save left, or nothing."""
    try:
        newest = found(place)
    except RuntimeError as error:
        return str(error)
    litter = [path.name for path in (place / "checkpoints").glob(".*")]
    if newest not in {5, step} or (status == DONE and newest != step):
        return f"step {newest} was found"
    if litter:
        return f"{litter} were left"
    return "" if existing or newest == step or status != DONE else "the save is lost"


def series(folder: Path, call: str, inject: str, tally: Tally, *, existing: bool) -> None:
    """Try one kind of call at every point of a save."""
    step = 5 if existing else 6
    kind = f"{call} {inject.partition(':')[0]}{' over the same step' if existing else ''}"
    for number in range(1, _MOST):
        place = folder / f"{kind} {number}"
        place.mkdir()
        for before in (4, 5):
            save(CheckpointStore(place), before)
        status = traced(held(place, step), call, inject.replace("#", str(number)))
        if wrong := judge(place, step, status, existing=existing):
            tally.failures.append(f"{kind} {number}: {wrong}")
        if status == DONE:
            return
        tally.points[kind] += 1
    tally.failures.append(f"{kind}: no end after {_MOST} points")


def main() -> int:
    """Go through all calls; 0 if nothing was lost."""
    parser = argparse.ArgumentParser(description="Kill a save at each of its system calls.")
    parser.add_argument("--calls", nargs="+", default=list(KILLED), help="system calls to be killed in")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    tally = Tally()
    with tempfile.TemporaryDirectory() as made:
        for existing in (False, True):
            for call in asked.calls:
                series(Path(made), call, "signal=KILL:when=#", tally, existing=existing)
            for call, error in REFUSED.items():
                more = "+" if error == "ENOSPC" else ""
                series(Path(made), call, f"error={error}:when=#{more}", tally, existing=existing)
    figures = {"points": sum(tally.points.values()), "by call": dict(tally.points)}
    sys.stdout.write(json.dumps(figures | {"failures": tally.failures}) + "\n")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
