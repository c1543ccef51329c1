"""Work in children that are forked from a process in which all is imported; none of them outlives its patience."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import importlib.metadata
import os
import pkgutil
import re
import resource
import select
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import declare
from declare.system import worker_process

PATIENCE = 60.0
HUNG = "hung"
MEMORY = 12 * 2**30
_END_WITH_PARENT = 1
UNFORKABLE = {"polars", "_polars_runtime_32"}
"""Libraries whose threads start with the import: a child waits for them for ever."""
_TOOLS = {"mypy", "ruff", "pytest", "pytest-randomly", "pytest-socket", "pytest-timeout", "pytest-xdist"}


def settle(folder: Path) -> None:
    """Compute in one thread without a GPU, with caches in a folder, here and in every child."""
    own = {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "NO_COLOR": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "DECLARE_CACHE_DIR": str(folder / "cache"),
    }
    os.environ |= own
    import torch

    torch.set_num_threads(1)
    tempfile.tempdir = None


def import_all() -> None:
    """Import the package, and the libraries that it says it needs, as far as they are there."""
    for item in pkgutil.walk_packages(declare.__path__, "declare."):
        if not item.name.endswith("__main__"):
            with suppress(ImportError):  # a library of an extra that is not installed
                importlib.import_module(item.name)
    needs = importlib.metadata.requires("declare-trainer") or []
    wanted = {re.split(r"[^A-Za-z0-9_.-]", need)[0].lower() for need in needs} - _TOOLS
    for library, distributions in importlib.metadata.packages_distributions().items():
        if wanted & {name.lower() for name in distributions}:
            import_these([library])


def import_these(names: Iterable[str]) -> None:
    """Import modules, as far as they can be."""
    for name in names:
        if name.partition(".")[0] not in UNFORKABLE:
            with suppress(Exception):  # some of a library's files are no modules of their own
                importlib.import_module(name)


@contextlib.contextmanager
def forbidden(libraries: Iterable[str]) -> Iterator[None]:
    """Let nothing import these libraries."""
    sys.modules |= dict.fromkeys(libraries)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in libraries:
            del sys.modules[name]


def freeze() -> None:
    """Leave what there is by now out of the collector's walks, so that children share it."""
    gc.collect()
    gc.freeze()


def in_child(place: Path, work: Callable[[], object], patience: float = PATIENCE) -> str:
    """Do some work in a child, in a folder; return how the child ended."""
    child = os.fork()
    if child:
        return _await(child, patience)
    code = 1
    try:
        os.setpgid(0, 0)
        ctypes.CDLL(None).prctl(_END_WITH_PARENT, signal.SIGKILL)
        os.chdir(place)
        _quiet(place / "log")
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        worker_process.WorkerProcess._running = _forked_worker  # type: ignore[method-assign]
        work()
        code = 0
    except BaseException:  # noqa: BLE001 - the parent reads it in the log
        traceback.print_exc()
    finally:
        worker_process.close()
        sys.stderr.flush()
        os._exit(code)


def _quiet(log: Path) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)


def _await(child: int, patience: float) -> str:
    """Wait for a child; say how it ended where it left no answer."""
    handle = os.pidfd_open(child)
    ready = select.select([handle], [], [], patience)[0]
    os.close(handle)
    if not ready:
        os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return f"ended with {status}" if ready else HUNG


class _Fork:
    """A worker that was forked off instead of started anew; it has what its owner uses of a `Popen`."""

    def __init__(self, printed: IO[bytes], memory: int) -> None:
        requests, asked = os.pipe()
        answered, answers = os.pipe()
        self.returncode: int | None = None
        self.pid = os.fork()
        if not self.pid:
            os.close(asked)
            os.close(answered)
            _serve(requests, answers, printed.fileno(), memory)
        os.close(requests)
        os.close(answers)
        self.stdin, self.stdout = os.fdopen(asked, "wb"), os.fdopen(answered, "rb")

    def poll(self, how: int = os.WNOHANG) -> int | None:
        if self.returncode is None:
            ended, status = os.waitpid(self.pid, how)
            self.returncode = os.waitstatus_to_exitcode(status) if ended else None
        return self.returncode

    def wait(self) -> int | None:
        return self.poll(0)


def _serve(requests: int, answers: int, printed: int, memory: int) -> None:
    """Answer calls as a worker does, then end."""
    code = 1
    try:
        os.setsid()
        os.environ |= worker_process._ENVIRONMENT
        for old, new in ((requests, 0), (answers, 1), (printed, 2)):
            os.dup2(old, new)
        sys.argv = ["", "", str(memory)]
        sys.stdin = os.fdopen(0, encoding="utf-8")
        worker_process.serve()
        code = 0
    except BaseException:  # noqa: BLE001 - the owner reads it in what was printed
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _forked_worker(self: worker_process.WorkerProcess) -> subprocess.Popen[bytes]:
    process = self._process
    if process is not None and self._owner == os.getpid() and process.poll() is None:
        return process
    self._end()
    self._printed = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
    made: Any = _Fork(self._printed, MEMORY)
    self._process, self._owner = made, os.getpid()
    return made  # type: ignore[no-any-return]
