"""One run, one process: the lock on a run folder, released by the kernel when its holder dies."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Self

from declare.contract.problem import Problem, ProblemError
from declare.runtime.storage import brief

LOCK_FILE = "lock"
OWNER_FILE = "owner.json"


class RunLock:
    """An exclusive hold of a run folder, with a file beside it that says who holds it."""

    def __init__(self, folder: Path) -> None:
        from filelock import FileLock

        self._folder = folder
        self._lock = FileLock(folder / LOCK_FILE, timeout=0)

    def acquire(self) -> None:
        """Take the lock; raises `ProblemError` (RES805) that names the holder."""
        from filelock import Timeout

        try:
            self._lock.acquire()
        except Timeout:
            raise ProblemError(_locked(self._folder)) from None
        owner = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        }
        (self._folder / OWNER_FILE).write_text(json.dumps(owner) + "\n", encoding="utf-8")

    def release(self) -> None:
        """Let go; another process may continue the run."""
        if self._lock.is_locked:
            (self._folder / OWNER_FILE).unlink(missing_ok=True)
            self._lock.release()

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def holder(folder: Path) -> dict[str, object] | None:
    """Return who says to hold `folder` (host, pid, since), or None."""
    try:
        owner = json.loads((folder / OWNER_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return owner if isinstance(owner, dict) else None


def is_locked(folder: Path) -> bool:
    """Whether a living process holds `folder`."""
    from filelock import FileLock, Timeout

    if not (folder / LOCK_FILE).exists():
        return False
    probe = FileLock(folder / LOCK_FILE, timeout=0)
    try:
        probe.acquire()
    except Timeout:
        return True
    except OSError:  # a folder that only others may write to
        return False
    probe.release()
    return False


def _locked(folder: Path) -> Problem:
    owner = holder(folder) or {}
    who = f"process {owner.get('pid', '?')} on {owner.get('host', '?')}, since {owner.get('since', '?')}"
    return Problem(
        "RES805",
        f"another process trains in `{brief(folder)}`",
        notes=(f"`{folder}` is held by {who}",),
        helps=("wait for it, stop it, or give this run another folder with `--run-dir`",),
    )
