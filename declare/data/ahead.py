"""Work done ahead in threads, and handed over in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


def num_threads() -> int:
    """Return how many threads decode: one for each processor that this process may use, eight at most."""
    return min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def in_order(make: Callable[[Item], Made], items: Iterable[Item], threads: int, depth: int) -> Iterator[Made]:
    """Yield `make(item)` for each item in order while up to `depth` later ones are being made.

    Decoding pictures leaves the interpreter's lock, so threads share the work. What `make` raises is raised at
    its turn.
    """
    waiting = iter(items)
    pool = ThreadPoolExecutor(threads)
    pending: list[Future[Made]] = []
    try:
        pending.extend(pool.submit(make, item) for item in islice(waiting, depth))
        while pending:
            made = pending.pop(0).result()
            pending.extend(pool.submit(make, item) for item in islice(waiting, 1))
            yield made
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
