"""Standard streams as callers leave them: closed, or of a terminal or reader that goes away meanwhile."""

import contextlib
import io
import os
import select
import signal
import sys
import threading
from typing import TextIO


def open_streams() -> None:
    """Make streams safe to write to: closed ones (`>&-`) are replaced by the null device.

    All three descriptors are opened first: otherwise a file of ours could become number 2 and receive what
    libraries print there. The reader of messages (`stderr`) may have gone; that ends nothing. A character
    that the caller's locale lacks is escaped, so that no message fails.
    """
    _fill_descriptors()
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115 - for the whole process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    _outlive("stderr")


def go_on_unseen() -> None:
    """Let this command continue when its terminal is closed or the reader of its output exits."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the processes that it starts inherit that
    _outlive("stdout")


def _fill_descriptors() -> None:
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)


def _outlive(name: str) -> None:
    """Put a stream that never fails in the place of a standard one."""
    stream: TextIO = getattr(sys, name)
    if not isinstance(stream, io.TextIOWrapper) or stream is not getattr(sys, f"__{name}__"):
        return  # it is one already, or somebody catches what is written
    with contextlib.suppress(OSError):
        stream.flush()
    raw = io.BufferedWriter(_Unbroken(stream.fileno()))
    line_buffering = name == "stderr" or stream.isatty()
    setattr(
        sys,
        name,
        io.TextIOWrapper(raw, stream.encoding, "backslashreplace", line_buffering=line_buffering),
    )


class _Unbroken(io.RawIOBase):
    """A descriptor that leads nowhere from the moment on that it cannot be written to."""

    def __init__(self, number: int) -> None:
        self._number = number

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._number

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._number)

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: object) -> int:
        """Write some of the data; all of it counts as written if it cannot be read any more."""
        view = memoryview(data)  # type: ignore[arg-type]
        try:
            return os.write(self._number, view)
        except BlockingIOError:
            select.select([], [self._number], [])
            return self.write(data)
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._number)
            os.close(nowhere)
            return view.nbytes
