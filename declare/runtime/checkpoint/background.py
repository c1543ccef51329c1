"""One piece of work at a time in a separate thread; its result or exception is returned on request."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Worker(Generic[Result]):
    """Does one piece of work at a time beside the caller."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._results: list[Result] = []
        self._error: BaseException | None = None

    def start(self, work: Callable[[], Result]) -> None:
        """Begin `work`; the piece before must have been collected."""
        assert self._thread is None, "one piece of work at a time"
        self._thread = threading.Thread(target=self._do, args=(work,), name="saving")
        self._thread.start()

    def _do(self, work: Callable[[], Result]) -> None:
        try:
            self._results.append(work())
        except BaseException as error:  # noqa: BLE001 - the caller's thread is where it must be heard
            self._error = error

    def collect(self, *, wait: bool = False) -> list[Result]:
        """Return what was finished since the last call, once it all is if `wait`; raises what work raised."""
        thread = self._thread
        if thread is None or (thread.is_alive() and not wait):
            return []
        self.join()
        self._thread = None
        error, self._error = self._error, None
        if error is not None:
            raise error
        results, self._results = self._results, []
        return results

    def join(self) -> None:
        """Wait until nothing is being done; results stay to be collected."""
        if self._thread is not None:
            self._thread.join()
