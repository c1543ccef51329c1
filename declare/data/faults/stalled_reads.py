"""A read that does not finish: its problem, and the stacks that are written."""

import faulthandler
from collections.abc import Callable, Sequence
from pathlib import Path
from time import time_ns

from declare.contract.problem import Problem
from declare.data.read import cache, prefetch


def hangs(
    error: prefetch.StalledError,
    at: str,
    sought: tuple[Callable[[int], object], Sequence[int]],
    folder: Path | None,
) -> Problem:
    """Return the finding that reading hangs, and leave the stacks of all threads in `folder`.

    `sought` is what reads a sample and the samples among which one hangs: it names the place of the sample.
    """
    kept = _dump(folder or cache.folder("stalls"))
    read, rows = sought
    guilty = prefetch.suspect(read, rows)
    name = at.rpartition(".")[2]
    one = f"sample {guilty} of `{name}`" if guilty is not None else f"a batch of `{name}`"
    return Problem(
        "DAT375",
        f"reading {one} does not finish: no data arrived for {error.seconds:g} s",
        at=at,
        notes=(f"the stack of every thread: `{kept}`",) if kept else (),
        helps=("see whether its disk or network mount answers", "then continue with `dcl train --resume`"),
    )


def _dump(folder: Path) -> Path | None:
    path = folder / f"stacks-{time_ns() // 1_000_000}.txt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            faulthandler.dump_traceback(file, all_threads=True)
    except OSError:
        return None
    return path
