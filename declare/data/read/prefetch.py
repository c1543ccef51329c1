"""Work done ahead in threads, and handed over in order."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from itertools import islice
from queue import SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")

STALL_SECONDS = 300.0
"""How long the work on one item may take until it counts as hanging."""
_LEAVE_SECONDS = 5.0
_SUSPECT_SECONDS = 2.0


class StalledError(Exception):
    """The work on `item` does not finish: a blocked read."""

    def __init__(self, item: object, seconds: float) -> None:
        super().__init__(f"nothing came for {seconds:g} s")
        self.item = item
        self.seconds = seconds


def num_threads() -> int:
    """Return how many threads decode: one for each processor that this process may use, eight at most."""
    return min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def in_order(make: Callable[[Item], Made], items: Iterable[Item], threads: int, depth: int) -> Iterator[Made]:
    """Yield `make(item)` for each item in order while up to `depth` later ones are being made.

    Decoding images leaves the interpreter's lock, so threads share the work. What `make` raises is raised at
    its turn; an item that takes longer than `STALL_SECONDS` raises `StalledError`.
    """
    waiting = iter(items)
    crew: _DaemonThreads[Item, Made] = _DaemonThreads(make, threads)
    pending = [(item, crew.take(item)) for item in islice(waiting, depth)]
    try:
        while pending:
            item, future = pending.pop(0)
            item_result = _await_result(item, future)
            pending.extend((later, crew.take(later)) for later in islice(waiting, 1))
            yield item_result
    except (Exception, GeneratorExit) as error:
        if isinstance(error, StalledError):
            crew.abandon()
        raise
    except BaseException:  # asked to leave: no thread is waited for
        crew.abandon()
        raise
    finally:
        for _, future in pending:
            future.cancel()
        crew.close()


def _await_result(item: Item, future: Future[Made]) -> Made:
    seconds = STALL_SECONDS
    try:
        return future.result(seconds)
    except TimeoutError:
        if future.done():  # the work itself ran out of some time
            raise
        raise StalledError(item, seconds) from None


class _DaemonThreads(Generic[Item, Made]):
    """Threads that do not keep the process from ending, so that one that hangs cannot."""

    def __init__(self, make: Callable[[Item], Made], threads: int) -> None:
        self._make = make
        self._jobs: SimpleQueue[tuple[Future[Made], Item] | None] = SimpleQueue()
        self._threads = [Thread(target=self._work, name=f"decode-{n}", daemon=True) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    def take(self, item: Item) -> Future[Made]:
        """Return the future of the work on an item."""
        future: Future[Made] = Future()
        self._jobs.put((future, item))
        return future

    def close(self) -> None:
        """Let the threads go, once they are done with what they have begun."""
        for _ in self._threads:
            self._jobs.put(None)
        until = time.monotonic() + _LEAVE_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def abandon(self) -> None:
        """Wait for no thread any more."""
        for _ in self._threads:
            self._jobs.put(None)
        self._threads = []

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, item = job
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(self._make(item))
                except BaseException as error:  # noqa: BLE001  it is raised where the result is asked for
                    future.set_exception(error)
            del job, future, item  # a finished batch must not wait here for the next one


def suspect(read: Callable[[Item], object], items: Sequence[Item]) -> Item | None:
    """Return the first item that `read` does not come back from within two seconds; None if all come back."""
    reached: list[int] = [0]

    def attempt() -> None:
        for index, item in enumerate(items):
            reached[0] = index
            try:
                read(item)
            except Exception:  # noqa: BLE001, S112  one that raises does not hang
                continue
        reached[0] = len(items)

    thread = Thread(target=attempt, name="suspect", daemon=True)
    thread.start()
    seen = -1
    while thread.is_alive() and reached[0] != seen:
        seen = reached[0]
        thread.join(_SUSPECT_SECONDS)
    return items[reached[0]] if thread.is_alive() and reached[0] < len(items) else None
