"""Ctrl-C while a library computes: Python calls the handler of a signal only after the library has returned."""

import os
import signal
import threading
import time

from declare.cli.failure import INTERRUPTED

_SECONDS = 0.5
"""How long the program may take to end by itself."""


def end_soon_after_interrupt() -> None:
    """End the program soon after Ctrl-C, also if its main thread, or one that it waits for, is inside a library.

    Where somebody handles Ctrl-C themselves (a run, a search, a launcher) nothing changes.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    os.register_at_fork(after_in_child=lambda: signal.set_wakeup_fd(-1))
    threading.Thread(target=_watch, args=(reader,), name="signal-watch", daemon=True).start()


def _watch(reader: int) -> None:
    while number := os.read(reader, 1):
        if number[0] == signal.SIGINT and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            time.sleep(_SECONDS)
            os._exit(INTERRUPTED)
