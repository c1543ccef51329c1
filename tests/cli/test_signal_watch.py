"""Ctrl-C ends a command soon, whatever its main thread is inside of."""

import signal
import subprocess
import sys

import pytest

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
