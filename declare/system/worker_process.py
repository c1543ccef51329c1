"""Calls a function in a separate process, with limits of time and memory: for third-party code.

One worker answers one call after another, so that a library is imported once. Protocol: a line of JSON each way over
its standard input and output. A request is `{"function": "module:name", "arguments": {...}, "seconds": 60, "folder":
..., "granted": [...]}`, an answer `{"value": ...}` or `{"error": {"type": ..., "text": ...}}`. What libraries print
goes to a file. The worker sees no GPU, reaches no model hub and computes in one thread; it ends after `_IDLE_SECONDS`
without a call, and with its parent.
"""

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import IO, Any

from declare.contract import strict_json
from declare.system import out_of_memory, trust
from declare.system.memory_limits import free_memory

CPU_SECONDS = 120
"""Processor time of one call, imports included: a busy machine changes no answer."""
WALL_SECONDS = 900
"""Time of one call by the clock, for what waits instead of computing."""
_SHARE = 0.8
"""Fraction of the memory that is free now that the worker may take."""
_UNKNOWN = 8 << 30
"""Bytes that it may take if it is unknown how many are free."""
_SHORTAGE = ("bad_alloc", "memory allocation", "out of memory", "memoryerror", "cannot allocate memory")
_TOO_LARGE = "it takes more memory than is free"
_ENDED = {"type": "crash", "text": "it ended its process"}
_IDLE_SECONDS = 60
_BOOT = """
import sys
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("declare", sys.argv[1] + "/declare/__init__.py")
sys.modules["declare"] = module_from_spec(spec)
spec.loader.exec_module(sys.modules["declare"])
from declare.system.worker_process import serve
serve()
"""
"""The very package that asks, whatever else the path leads to."""
_ENVIRONMENT = {
    "NO_COLOR": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "OMP_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "PYTHONWARNINGS": "ignore",
}


class CallError(Exception):
    """Raised if a call has no result: it raised an exception, or its process ended.

    Parameters:
        kind: the exception's type, or `timeout`, `memory` or `crash`.
        text: its message, in one line.
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind, self.text = kind, text

    @property
    def is_lasting(self) -> bool:
        """Whether the same call would fail again in the same way, on any machine."""
        return self.kind not in {"timeout", "memory", "crash"}


class WorkerProcess:
    """A child process that answers calls; started with the first one, and restarted after one that ended it.

    Parameters:
        memory: bytes of private memory that it may take; by default a fraction of what is free when it starts.
    """

    def __init__(self, memory: int | None = None) -> None:
        self._memory = memory
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._printed: IO[bytes] | None = None
        self._printed_before = 0
        self._lock = threading.Lock()
        self.num_calls, self.seconds = 0, 0.0
        """Calls so far, and the time by the clock that they took together."""

    def call(self, function: str, arguments: dict[str, Any], seconds: int = CPU_SECONDS) -> Any:
        """Return what `module:name` gives for plain arguments; raises `CallError`.

        `seconds` of processor time are what it may take.
        """
        request = {
            "function": function,
            "arguments": arguments,
            "seconds": seconds,
            "granted": trust.granted_entries(),
            "folder": str(Path.cwd()),
        }
        line = strict_json.dumps(request).encode() + b"\n"
        with self._lock:
            start = perf_counter()
            try:
                # A worker that was about to end for want of calls answers nothing: another one is asked.
                answer = self._exchange(line) or self._exchange(line) or {"error": _ENDED}
            except BaseException:
                self._end()
                raise
            finally:
                self.num_calls += 1
                self.seconds += perf_counter() - start
        if "error" in answer:
            raise CallError(answer["error"]["type"], answer["error"]["text"])
        return answer["value"]

    def close(self) -> None:
        """End the process, if this one started it."""
        with self._lock:
            self._end()

    def _running(self) -> subprocess.Popen[bytes]:
        process = self._process
        if process is not None and self._owner == os.getpid() and process.poll() is None:
            return process
        self._end()
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        free = free_memory()
        memory = self._memory or (_UNKNOWN if free is None else int(free * _SHARE))
        root = str(Path(__file__).parents[2])
        self._process = subprocess.Popen(  # noqa: S603 - our own file, in the running interpreter
            [sys.executable, "-P", "-c", _BOOT, root, str(memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._printed,
            env=os.environ | _ENVIRONMENT,
            start_new_session=True,
        )
        self._owner = os.getpid()
        return self._process

    def _exchange(self, line: bytes) -> dict[str, Any] | None:
        """Return the answer to a request, or None if the worker had ended before; raises `CallError`."""
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        assert self._printed is not None
        self._printed_before = os.fstat(self._printed.fileno()).st_size
        with suppress(BrokenPipeError):
            process.stdin.write(line)
            process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], WALL_SECONDS)
        if not ready:
            raise CallError("timeout", f"it was not done after {WALL_SECONDS} seconds")
        text = process.stdout.readline()
        if text.endswith(b"\n"):
            answer: dict[str, Any] = json.loads(text)
            return answer
        if process.wait() == 0:
            return None
        raise self._exit_error(json.loads(line)["seconds"])

    def _exit_error(self, seconds: int) -> CallError:
        """Return the error that the process ended during a call."""
        assert self._process is not None
        status = self._process.wait()
        if status == -signal.SIGPROF:
            return CallError("timeout", f"it was not done after {seconds} seconds of computing")
        words = self._last_words()
        if status == -signal.SIGKILL or any(sign in words.lower() for sign in _SHORTAGE):
            return CallError("memory", _TOO_LARGE)
        name = signal.Signals(-status).name if status < 0 else f"exit code {status}"
        return CallError("crash", f"its process ended with {name}{': ' if words else ''}{words}")

    def _last_words(self) -> str:
        """Return the last line that was printed in this call."""
        assert self._printed is not None
        self._printed.seek(self._printed_before)
        lines = self._printed.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else ""

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        if process.poll() is None:
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for stream in (process.stdin, process.stdout, self._printed):
            if stream is not None:
                with suppress(OSError):
                    stream.close()


WORKER = WorkerProcess()
"""The worker of this process."""
call = WORKER.call
close = WORKER.close
atexit.register(close)


def serve() -> None:
    """Answer calls until standard input ends, or none comes for a while."""
    _limit_memory(int(sys.argv[2]))
    out_of_memory.hold_reserve()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    requests = sys.stdin.buffer
    while select.select([requests], [], [], _IDLE_SECONDS)[0]:
        line = requests.readline()
        if not line:
            return
        request = json.loads(line)
        # What does not end on its own is ended by the system's default for this signal.
        signal.setitimer(signal.ITIMER_PROF, request["seconds"])
        answer = _answer(request)
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(strict_json.dumps(answer).encode() + b"\n")
        answers.flush()


def _limit_memory(memory: int) -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    for kind, limit in ((resource.RLIMIT_DATA, memory), (resource.RLIMIT_CORE, 0)):
        with suppress(OSError, ValueError):
            hard = resource.getrlimit(kind)[1]
            within = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
            resource.setrlimit(kind, (within, hard))


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    module, _, name = request["function"].partition(":")
    trust.grant(request["granted"])
    try:
        os.chdir(request["folder"])  # for relative paths of a spec; nothing is imported from there
        return {"value": getattr(import_module(module), name)(**request["arguments"])}
    except BaseException as error:  # noqa: BLE001 - panics of Rust libraries are not of `Exception`
        if out_of_memory.is_shortage(error):
            return {"error": {"type": "memory", "text": _TOO_LARGE}}
        text = (str(error).strip().splitlines() or [""])[0][:300]
        return {"error": {"type": type(error).__name__, "text": text}}
