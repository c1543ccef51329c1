"""A request to stop a search: a signal to this process, or the word of the process that started it."""

import contextlib
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Self

from declare.runtime.distributed import stop_flag
from declare.runtime.distributed.stop_flag import StopFlag

_SECONDS = 0.2
GONE = "its search has gone"


class Halt:
    """While inside, the first SIGINT or SIGTERM, or what `heard` returns, stops the search and the run under way.

    It is said again and again, since runs begin and end, and each reads a flag of its own.
    """

    def __init__(self, heard: Callable[[], str] = lambda: "") -> None:
        self._heard = heard
        self._flag = StopFlag()
        self._done = threading.Event()
        self._listener = threading.Thread(target=self._listen, name="halt", daemon=True)

    @property
    def is_requested(self) -> bool:
        """Whether it was asked to stop."""
        return bool(self.reason)

    @property
    def reason(self) -> str:
        """What asked; empty where nothing did."""
        return self._flag.reason if self._flag.raised else self._heard()

    def ask(self, reason: str) -> None:
        """Stop the search from within."""
        self._flag.request_stop(reason)

    def __enter__(self) -> Self:
        self._flag.__enter__()
        self._listener.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._listener.join()
        self._flag.__exit__()

    def _listen(self) -> None:
        while not self._done.wait(_SECONDS):
            if reason := self.reason:
                stop_flag.request_stop(reason)


class Line:
    """A message from the process that started a worker, or that it has gone."""

    def __init__(self, end: Connection) -> None:
        self._end = end
        self._said = ""

    def __call__(self) -> str:
        """Return what asks this process to stop; empty while nothing does."""
        if not self._said:
            with contextlib.suppress(BlockingIOError):
                self._said = self._listen()
        return self._said

    def _listen(self) -> str:
        try:
            return str(self._end.recv()) if self._end.poll() else ""
        except (EOFError, OSError):
            return GONE
