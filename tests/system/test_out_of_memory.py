"""Errors that mean lack of memory, and those that do not."""

import errno
import subprocess
import sys
import traceback

import pytest

from declare.contract.problem import Problem, ProblemError
from declare.system import out_of_memory


class OutOfMemoryError(RuntimeError):
    """As torch names its own."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        OutOfMemoryError("CUDA"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4096 bytes."),
        RuntimeError("can't start new thread"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
    ],
)
def test_libraries_word_it_in_many_ways(error):
    """Each of them is known, also where another error came of it."""
    assert out_of_memory.is_shortage(error)
    other = NameError("PyLazyFrame")
    other.__context__ = error
    assert out_of_memory.is_shortage(other)
    assert out_of_memory.before_training(error).code == "RES810"


@pytest.mark.parametrize(
    "error",
    [
        ValueError("out of memory"),
        RuntimeError("shapes differ"),
        OSError(errno.ENOSPC, "No space left on device"),
        ImportError("no module named x"),
    ],
)
def test_other_errors_do_not_mean_it(error):
    """A word in a value, a full disk, a missing library."""
    assert not out_of_memory.is_shortage(error)


def test_a_finding_stands_for_itself():
    """What a reader found out is not searched for what it came from."""
    error = ProblemError(Problem("DAT333", "it is no table"))
    error.__cause__ = MemoryError()
    assert not out_of_memory.is_shortage(error)


def test_a_decoder_is_believed_where_there_is_memory(monkeypatch):
    """Without room its refusal is no proof of broken data; a MemoryError never is."""
    out_of_memory.refuse_if_short(ValueError("broken data stream"))
    with pytest.raises(MemoryError):
        out_of_memory.refuse_if_short(MemoryError())
    monkeypatch.setattr(out_of_memory, "has_room", lambda _: False)
    with pytest.raises(MemoryError, match="broken"):
        out_of_memory.refuse_if_short(ValueError("broken data stream"))


def test_near_its_limit_a_process_starves(monkeypatch):
    """Then what fails may have failed for memory; without a limit it never does."""
    monkeypatch.setattr(out_of_memory, "peak", lambda _: 900 << 20)
    for limit, starved in ((None, False), (1000 << 20, True), (4000 << 20, False)):
        monkeypatch.setattr(out_of_memory, "address_limit", lambda limit=limit: limit)
        assert out_of_memory.is_starved() is starved


def test_the_finding_shows_limit_and_use(monkeypatch):
    """What may be taken, what was, what is left."""
    monkeypatch.setattr(out_of_memory, "address_limit", lambda: 2_000_000_000)
    monkeypatch.setattr(out_of_memory, "peak", lambda _: 1_500_000_000)
    notes = out_of_memory.before_training(MemoryError("no")).notes
    assert "`ulimit -v` allows 2.00 GB, 1.50 GB were taken, 0.50 GB were left" in notes
    assert traceback.format_exception_only(MemoryError("no"))[0].strip() in notes


_IMPORTS = """
import resource, sys
from declare.system.out_of_memory import hold_reserve
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]),) * 2)
hold_reserve()
try:
    __import__(sys.argv[1])
except (MemoryError, ImportError) as error:
    print(type(error).__name__)
"""


@pytest.mark.parametrize("library", ["torch", "torchvision", "sklearn", "polars"])
def test_a_library_without_room_is_not_imported(library):
    """Half of what it takes is left: that is a MemoryError, where the library itself would end the process."""
    limit = out_of_memory._LIBRARY_BYTES[library] // 2 + (60 << 20)
    words = [sys.executable, "-c", _IMPORTS, library, str(limit)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "MemoryError\n"), done.stderr


def test_who_asks_for_a_library_alone_is_not_refused():
    """Polars looks whether torch is there: it has room for itself."""
    code = _IMPORTS.replace(
        "__import__(sys.argv[1])", "__import__('polars').DataFrame({'a': [1]}); print('read')"
    )
    words = [sys.executable, "-c", code, "polars", str(3 << 30)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "read\n"), done.stderr
