"""`dcl` whose launcher forks the processes of a run, as `python -m tests.harness.forking_launcher WORDS...`.

PyTorch's launcher starts an interpreter for each, which imports torch again. What a launcher does when processes die,
fail or are stopped is the same; tests of how they start use `dcl` itself.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import traceback
from typing import Any

from torch.distributed.elastic.multiprocessing.subprocess_handler.subprocess_handler import SubprocessHandler

from declare.__main__ import main

_SIGNALS = (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM)


class _Fork:
    """A process that was forked off; it has what PyTorch's launcher uses of a `subprocess.Popen`."""

    def __init__(self, words: tuple[str, ...], environment: dict[str, str], files: tuple[Any, Any]) -> None:
        self.returncode: int | None = None
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if not self.pid:
            _be_rank(words, environment, files)

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal, or nothing while it runs."""
        if self.returncode is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if ended else None
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Wait for its end."""
        until = time.monotonic() + timeout
        while (status := self.poll()) is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
            time.sleep(0.005)
        return status


def _be_rank(words: tuple[str, ...], environment: dict[str, str], files: tuple[Any, Any]) -> None:
    """Be one process of the run, with nothing of the launcher's."""
    code = 1
    try:
        os.setsid()
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.clear()
        os.environ |= environment
        for descriptor, file in enumerate(files, 1):
            if file is not None:
                os.dup2(file.fileno(), descriptor)
        code = main(list(words))
    except BaseException:  # noqa: BLE001 - as an interpreter does at its end
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _forked(handler: SubprocessHandler, args: tuple[str, ...], env: dict[str, str]) -> _Fork:
    """Stand in for `SubprocessHandler._popen`: `args` are interpreter, `-P`, program and its words."""
    return _Fork(args[3:], env, (handler._stdout, handler._stderr))


if __name__ == "__main__":
    SubprocessHandler._popen = _forked  # type: ignore[method-assign,assignment]
    sys.exit(main(sys.argv[1:]))
