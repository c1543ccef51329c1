"""One run, one process: the lock on a run folder, released by the kernel when its holder dies."""

import json
import os
import socket
import time
from pathlib import Path
from typing import Self

from declare.contract import strict_json
from declare.contract.problem import Problem, ProblemError
from declare.runtime.run_folder.durable_io import brief, open_own, refuse_links

LOCK_FILE = "lock"
OWNER_FILE = "owner.json"


class RunLock:
    """An exclusive lock of a run folder, with a file next to it that names its owner."""

    def __init__(self, folder: Path) -> None:
        from filelock import FileLock

        self._folder = folder
        self._lock = FileLock(folder / LOCK_FILE, timeout=0)

    def acquire(self) -> None:
        """Take the lock; raises `ProblemError`: RES805, which names the holder, or RES820 for a folder with links."""
        from filelock import Timeout

        refuse_links(self._folder)
        try:
            self._lock.acquire()
        except Timeout:
            raise ProblemError(_locked_problem(self._folder)) from None
        owner = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        }
        with open_own(self._folder / OWNER_FILE, "w") as file:
            file.write(strict_json.dumps(owner) + "\n")

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
    """Return the stated owner of the lock of `folder` (host, pid, since), or None."""
    try:
        owner = json.loads((folder / OWNER_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return owner if isinstance(owner, dict) else None


def is_locked(folder: Path) -> bool:
    """Whether a living process holds `folder`. Looks without writing, and follows no link."""
    import fcntl

    try:
        descriptor = os.open(folder / LOCK_FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # there is none, or it is a link, or only others may read it
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def _locked_problem(folder: Path) -> Problem:
    owner = holder(folder) or {}
    holder_text = (
        f"process {owner.get('pid', '?')} on {owner.get('host', '?')}, since {owner.get('since', '?')}"
    )
    return Problem(
        "RES805",
        f"another process trains in `{brief(folder)}`",
        notes=(f"`{folder}` is held by {holder_text}",),
        helps=("wait for it, stop it, or give this run another folder with `--run-dir`",),
    )
