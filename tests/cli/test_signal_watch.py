"""Ctrl-C ends a command soon, whatever its main thread is inside of."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import declare
from declare.__main__ import main

PROGRAM = """
import ctypes, signal, threading
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell starts in the background
from declare.cli.signal_watch import end_soon_after_interrupt
end_soon_after_interrupt()
OWN_HANDLER
lock = ctypes.create_string_buffer(64)
threading.Timer(0.5, print, ["inside"], {"flush": True}).start()
for _ in range(2):  # the second waits for ever, and no signal wakes it
    ctypes.CDLL(None).pthread_mutex_lock(lock)
"""


def started(handler=""):
    program = PROGRAM.replace("OWN_HANDLER", handler)
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "inside\n"
    return process


def test_a_library_that_does_not_return_is_left():
    """Python's own handler would wait for it."""
    with started() as process:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130


def test_what_handles_it_itself_is_let_be():
    """A run saves its state first."""
    with started("signal.signal(signal.SIGINT, lambda *_: None)") as process:
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.kill()


def test_ctrl_c_before_a_command_starts_is_no_traceback(monkeypatch, capsys):
    """What starts one is imported inside of `main`, where Ctrl-C is handled."""

    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr("declare.cli.streams.open_streams", interrupt)
    monkeypatch.setattr("declare.system.python_process.protect_children", lambda: None)
    assert main() == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_the_program_imports_next_to_nothing_before_it_handles_ctrl_c():
    """Every import before that is a time in which Ctrl-C prints Python's traceback."""
    program = "import os, sys; sys.path.insert(0, sys.argv[1]); before = set(sys.modules); import declare.__main__; "
    program += "print(*sorted(set(sys.modules) - before))"
    root = str(Path(declare.__file__).parents[1])
    output = subprocess.check_output([sys.executable, "-I", "-S", "-c", program, root], text=True)
    assert set(output.split()) <= {"__future__", "types", "declare", "declare.__main__"}
