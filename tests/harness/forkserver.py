"""Processes that start in a moment: each is forked from one that has imported what a run imports.

The import of torch is most of a short process. Tests of what a process does start it here, as `python -m MODULE`; tests
of how one starts, or what it imports, start an interpreter.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from multiprocessing import reduction
from pathlib import Path
from typing import IO, Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.harness.forkserver_preload"])


class ForkedProcess:
    """`python -m MODULE WORDS...`, forked off; it has what tests use of a `subprocess.Popen`."""

    def __init__(
        self,
        module: str,
        *words: str,
        cwd: Path = ROOT,
        env: Mapping[str, str] | None = None,
        new_session: bool = False,
        log: Path | None = None,
    ) -> None:
        """Start it; what it writes goes to `log`, where that is given."""
        # As long as the process.
        self._files: tuple[IO[bytes], ...] = tuple(
            log.open("a+b") if log else tempfile.TemporaryFile()  # noqa: SIM115
            for _ in range(2)
        )
        self._last = "", ""
        own = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        environment = {**os.environ, **own, **(env or {})}
        handed = [_Handed(file) for file in self._files]
        self._process = CONTEXT.Process(
            target=_run, args=(module, words, cwd, environment, handed, new_session)
        )
        # The first one starts the server, which imports nothing from the current folder.
        with mock.patch.dict(os.environ, own, PYTHONSAFEPATH="1"):
            self._process.start()
        self.pid = self._process.pid or 0
        atexit.register(self.kill)

    @property
    def returncode(self) -> int | None:
        """Its exit status, negative for a signal, or nothing while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return its exit status, or nothing while it runs."""
        return self.returncode

    def wait(self, timeout: float = 120) -> int:
        """Wait for its end and return its exit status."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout)
        self._last = self.written()
        for file in self._files:
            file.close()
        return self.returncode

    def communicate(self, timeout: float = 120) -> tuple[str, str]:
        """Wait for its end and return what it wrote to stdout and to stderr."""
        self.wait(timeout)
        return self.written()

    def written(self) -> tuple[str, str]:
        """Return what it has written to stdout and to stderr until now."""
        out, err = self._files
        return self._last if out.closed else (_text(out), _text(err))

    def wait_for(self, words: str, timeout: float = 120) -> None:
        """Wait until it has written some words to stdout."""
        until = time.monotonic() + timeout
        while words not in self.written()[0]:
            if self.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"no {words!r}, status {self.poll()}: {self.written()}")
            time.sleep(0.002)

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send it SIGKILL, if it still runs."""
        self.send_signal(signal.SIGKILL)


def run(module: str, *words: str, timeout: float = 300, **how: Any) -> subprocess.CompletedProcess[str]:
    """Run a process to its end."""
    process = ForkedProcess(module, *words, **how)
    out, err = process.communicate(timeout)
    return subprocess.CompletedProcess([module, *words], process.returncode or 0, out, err)


class _Handed:
    """A file whose descriptor is handed on to a child."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return _detach, (reduction.DupFd(self._file.fileno()),)


def _detach(duplicate: Any) -> int:
    """Return the descriptor in the child."""
    number: int = duplicate.detach()
    return number


def _text(file: IO[bytes]) -> str:
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode(errors="replace")


def _run(
    module: str,
    words: tuple[str, ...],
    cwd: Path,
    environment: dict[str, str],
    files: list[int],
    new_session: bool,
) -> None:
    """Be the process."""
    if new_session:
        os.setsid()
    os.environ.clear()
    os.environ |= environment
    os.chdir(cwd)
    sys.path[:] = [place for place in sys.path if place]  # the folder that it is in stays out
    for number, file in enumerate(files, 1):
        os.dup2(file, number)
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
