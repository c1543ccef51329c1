"""Decoded samples kept whole: in memory, or as a memory-mapped file of the user's cache."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from declare.data import cache

Array = np.ndarray[Any, Any]
_SMALL_BYTES = 2 << 30


def load(identity: object, num_samples: int, blocks: Callable[[], Iterator[Array]], where: str) -> Array:
    """Return all samples that `blocks` yields, one array [samples, ...].

    `where` is the dataset's `cache`: `memory` decodes for each run, `disk` keeps a file under the hash of
    `identity`, `auto` does the one up to 2 GiB and the other beyond.
    """
    first = next(blocks(), None)
    if first is None:
        return np.zeros((0,), np.float32)
    num_bytes = num_samples * first[0].nbytes
    if where == "memory" or (where == "auto" and num_bytes <= _SMALL_BYTES):
        return np.concatenate(list(blocks()))
    place = cache.folder("packed", f"{cache.key(identity)}.npy")
    if not place.exists():
        _write(place, (num_samples, *first.shape[1:]), first.dtype, blocks())
    found: Array = np.load(place, mmap_mode="r", allow_pickle=False)
    return found


def _write(place: Path, shape: tuple[int, ...], dtype: Any, blocks: Iterator[Array]) -> None:
    """Write blocks into a temporary file beside `place` and move it there when it is whole."""
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=place.parent, suffix=".part")
    os.close(handle)
    try:
        target = np.lib.format.open_memmap(name, mode="w+", dtype=dtype, shape=shape)
        start = 0
        for block in blocks:
            target[start : start + len(block)] = block
            start += len(block)
        target.flush()
        del target
        Path(name).replace(place)
    finally:
        Path(name).unlink(missing_ok=True)
