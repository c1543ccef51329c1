"""A worker process: answers, failures of every kind, and what they leave behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from declare.system import worker_process
from declare.system.worker_process import CallError, WorkerProcess

RUN = "timeit:timeit"
"""A function that runs any code: `stmt`, `number` times."""


@pytest.fixture(scope="module")
def worker() -> Iterator[WorkerProcess]:
    """Return a worker with little memory."""
    made = WorkerProcess(memory=400 << 20)
    yield made
    made.close()


def failure(worker: WorkerProcess, stmt: str, seconds: int = 60) -> CallError:
    """Return the error of code that does not come to its end."""
    with pytest.raises(CallError) as caught:
        worker.call(RUN, {"stmt": stmt, "number": 1}, seconds)
    return caught.value


def test_values_come_back(worker: WorkerProcess) -> None:
    """Plain values go there and back; what is printed meanwhile is no answer."""
    assert worker.call("json:loads", {"s": '{"a": [1, null]}'}) == {"a": [1, None]}
    assert worker.call(RUN, {"stmt": "print('{}')", "number": 3}) > 0


def test_errors_are_those_of_the_function(worker: WorkerProcess) -> None:
    """Type and first line come back, of exceptions that are no `Exception` too; the worker goes on."""
    first = worker.call("os:getpid", {})
    found = failure(worker, "raise KeyError('a')")
    assert (found.kind, found.text, found.is_lasting) == ("KeyError", "'a'", True)
    assert failure(worker, "raise SystemExit(3)").kind == "SystemExit"
    assert worker.call("os:getpid", {}) == first != os.getpid()


@pytest.mark.parametrize(
    ("stmt", "kind", "says"),
    [
        ("import os; os.abort()", "crash", "SIGABRT"),
        ("import os; os._exit(0)", "crash", "ended its process"),
        ("import os; os._exit(7)", "crash", "exit code 7"),
        ("bytearray(1 << 30)", "memory", "more memory"),
        ("while True: pass", "timeout", "1 seconds of computing"),
    ],
)
def test_an_end_is_an_error_too(worker: WorkerProcess, stmt: str, kind: str, says: str) -> None:
    """A crash, a lack of memory and a call without end each say so; the next call is answered."""
    found = failure(worker, stmt, seconds=1)
    assert found.kind == kind
    assert says in found.text
    assert not found.is_lasting
    assert worker.call("os:getpid", {}) > 0


def test_an_end_is_told_in_words_of_its_own_call(worker: WorkerProcess) -> None:
    """What an earlier call printed explains no later end: neither its text nor its kind."""
    assert worker.call(RUN, {"stmt": "import os; os.write(2, b'earlier: out of memory\\n')", "number": 1}) > 0
    error = failure(worker, "import os; os._exit(3)")
    assert (error.kind, error.text) == ("crash", "its process ended with exit code 3")
    assert failure(worker, "import os; os.write(2, b'now\\n'); os._exit(3)").text.endswith("code 3: now")


def test_a_worker_that_ended_is_started_anew() -> None:
    """As one does that waited too long: another process answers."""
    worker = WorkerProcess()
    first = worker.call("os:getpid", {})
    os.kill(first, signal.SIGTERM)
    assert worker._process is not None
    worker._process.wait()
    assert worker.call("os:getpid", {}) != first
    worker.close()
    assert worker._process is None


def test_code_of_the_working_folder_is_not_found(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module beside the spec is no module of the worker."""
    (tmp_path / "evil.py").write_text("def run():\n    return 1\n")  # type: ignore[operator]
    monkeypatch.chdir(str(tmp_path))
    worker_process.close()
    with pytest.raises(CallError) as caught:
        worker_process.call("evil:run", {})
    assert caught.value.kind == "ModuleNotFoundError"
