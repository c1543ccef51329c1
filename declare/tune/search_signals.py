"""Stopping a search: by Ctrl-C or SIGTERM, or on request of the process that started this one."""

import contextlib
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Self

from declare.runtime.distributed import signal_handler
from declare.runtime.distributed.signal_handler import StopFlag

_SECONDS = 0.2
GONE = "its search has gone"


class SearchStop:
    """While inside, SIGINT, SIGTERM or a request of the parent process stops the search and the run under way.

    The request is repeated, since runs begin and end, and each has its own flag. `parent_request` returns its reason,
    empty while there is none.
    """

    def __init__(self, parent_request: Callable[[], str] = lambda: "") -> None:
        self._parent_request = parent_request
        self._flag = StopFlag()
        self._done = threading.Event()
        self._listener = threading.Thread(target=self._listen, name="search-stop", daemon=True)

    @property
    def is_requested(self) -> bool:
        """Whether it was asked to stop."""
        return bool(self.reason)

    @property
    def reason(self) -> str:
        """What asked; empty if nothing did."""
        return self._flag.reason if self._flag.raised else self._parent_request()

    def request_stop(self, reason: str) -> None:
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
                signal_handler.request_stop(reason)


class ParentPipe:
    """A message from the process that started a worker, or that it has gone."""

    def __init__(self, end: Connection) -> None:
        self._end = end
        self._message = ""

    def __call__(self) -> str:
        """Return what asks this process to stop; empty while nothing does."""
        if not self._message:
            with contextlib.suppress(BlockingIOError):
                self._message = self._listen()
        return self._message

    def _listen(self) -> str:
        try:
            return str(self._end.recv()) if self._end.poll() else ""
        except (EOFError, OSError):
            return GONE
