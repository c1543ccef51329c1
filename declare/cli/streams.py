"""Standard streams as callers leave them: closed, or of a terminal or reader that goes away meanwhile."""

import contextlib
import errno
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
    libraries print there. The reader of messages (`stderr`) may have gone; that ends nothing. Standard output
    that fails is kept as `output_error` and leads nowhere from then on. A character that the caller's locale
    lacks is escaped, so that no message fails.
    """
    _fill_descriptors()
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115 - for the whole process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    _replace("stdout", outlives=False)
    _replace("stderr", outlives=True)


def go_on_unseen() -> None:
    """Let this command continue when its terminal is closed or the reader of its output exits."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the processes that it starts inherit that
    if isinstance(sys.stdout, _Stream):
        sys.stdout.descriptor.outlives = True


def output_error() -> OSError | None:
    """Return why standard output could not be written (a full disk), if so; a reader that exits does not count."""
    return sys.stdout.descriptor.error if isinstance(sys.stdout, _Stream) else None


def _fill_descriptors() -> None:
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)


def _replace(name: str, *, outlives: bool) -> None:
    """Put a stream whose failures are remembered in the place of a standard one."""
    stream: TextIO = getattr(sys, name)
    if not isinstance(stream, io.TextIOWrapper) or stream is not getattr(sys, f"__{name}__"):
        return  # it is one already, or the output is captured
    with contextlib.suppress(OSError):
        stream.flush()
    at_once = name == "stderr" or stream.line_buffering or stream.write_through
    descriptor = _Descriptor(stream.fileno(), outlives=outlives)
    setattr(sys, name, _Stream(descriptor, stream.encoding, line_buffering=at_once))


class _Descriptor(io.RawIOBase):
    """A descriptor that leads nowhere from the moment on that it cannot be written to.

    That raises the error once, unless the stream outlives it.
    """

    def __init__(self, number: int, *, outlives: bool) -> None:
        self._number = number
        self._is_terminal = os.isatty(number)
        self.outlives = outlives
        self.error: OSError | None = None

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
        except OSError as error:
            self._lead_nowhere()
            is_gone = error.errno == errno.EPIPE or self._is_terminal
            if not is_gone:
                self.error = error
            if not self.outlives:
                raise (BrokenPipeError if is_gone else error) from None
            return view.nbytes

    def _lead_nowhere(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._number)
        os.close(nowhere)


class _Stream(io.TextIOWrapper):
    """Text that a descriptor takes."""

    def __init__(self, descriptor: _Descriptor, encoding: str, *, line_buffering: bool) -> None:
        super().__init__(
            io.BufferedWriter(descriptor), encoding, "backslashreplace", line_buffering=line_buffering
        )
        self.descriptor = descriptor
