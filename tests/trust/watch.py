"""Runs `dcl` on files of strangers and counts what it must never do: run with python, answers in JSON."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
from pathlib import Path

_FIXED = {"ldconfig", "uname"}
"""Programs that torch and h5py ask about this machine when they are imported: not named by any file."""
_STARTS = {"subprocess.Popen", "os.posix_spawn"}
"""Both tell of one program where `subprocess` starts it by `posix_spawn`, as it mostly does since Python 3.13."""
_NEVER = {
    "os.system",
    "os.exec",
    "os.fork",
    "pickle.find_class",
    "socket.connect",
    "socket.bind",
}
seen: list[str] = []


def _writes(path: object, mode: object, flags: object) -> bool:
    if not isinstance(path, str | bytes):
        return False
    writing = isinstance(mode, str) and set(mode) & set("wax+")
    writing = writing or (isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    name = os.fsdecode(path)
    allowed = (os.environ["DECLARE_CACHE_DIR"], os.environ["ALLOWED"], "/dev/null", "/tmp/", "/proc/")
    return bool(writing) and "__pycache__" not in name and not f"{name}/".startswith(allowed)


def _is_own_worker(program: object, words: object) -> bool:
    """Tell of the Python that tries parts of libraries: on a safe path, with nothing of a stranger's in its words."""
    texts = [os.fsdecode(word) for word in words] if isinstance(words, list | tuple) else []
    own = os.fsdecode(str(program)) == sys.executable and texts[1:2] == ["-P"]
    return own and not any(os.environ["FOREIGN"] in text for text in texts)


def hook(event: str, arguments: tuple[object, ...]) -> None:
    """Note what is forbidden."""
    if event == "open" and _writes(*arguments):
        seen.append(f"write {arguments[0]}")
    elif event in _NEVER or event == "socket.getaddrinfo":
        seen.append(f"{event} {arguments}"[:200])
    elif event in _STARTS and _is_own_worker(arguments[0], arguments[1]):
        pass
    elif event in _STARTS and Path(os.fsdecode(str(arguments[0]))).name not in _FIXED:
        seen.append(f"run {arguments[0]}")
    elif event == "import" and str(arguments[0]).split(".")[0] in {"evil", "os_evil", "net"}:
        seen.append(f"import {arguments[0]}")
    elif event == "compile" and str(arguments[1]).startswith(os.environ["FOREIGN"]):
        seen.append(f"compile {arguments[1]}")


def peak() -> int:
    """Return the most memory that this program has held, in MB; `getrusage` counts what its parent held too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) // 1024


def main() -> None:
    """Run every command line of the list on standard input; print exit code, seconds, memory, events, output."""
    from declare.cli.dispatch import run

    commands = json.load(sys.stdin)
    sys.addaudithook(hook)
    answers = []
    for words in commands:
        seen.clear()
        start, out = time.process_time(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            code = run(words)
        seconds = time.process_time() - start  # of computing: other programs run too
        answer = {"code": code, "seconds": seconds, "megabytes": peak(), "events": list(seen)}
        answers.append(answer | {"output": out.getvalue()})
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main()
