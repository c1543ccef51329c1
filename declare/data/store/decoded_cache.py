"""Decoded samples kept whole: in memory, or as a memory-mapped file of the user's cache."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array
from declare.data.read import cache

_SMALL_BYTES = 2 << 30
_VERSION = 5
"""Raised when decoding changes, so that kept files are made again."""


class NoRoomError(ProblemError):
    """The disk has no room for decoded samples."""


def load(identity: tuple[Any, ...], num_samples: int, blocks: Iterator[Array], where: str) -> Array:
    """Return all samples that `blocks` yields, one array [samples, ...].

    `where` is the dataset's `cache`: `memory` decodes for each run, `disk` keeps a file under the hash of
    `identity`, `auto` does the one up to 2 GiB (or a quarter of the free memory) and the other beyond. The file is
    hashed once when it is opened; a damaged one is made again, with a warning. Raises `NoRoomError` RES804 if the
    disk has no room.
    """
    place = cache.folder("packed", f"{_key(identity)}.npy")
    kept = cache.open_array(place) if where != "memory" else None
    if kept is not None and len(kept) == num_samples:
        return kept
    first = next(blocks, None)
    if first is None:
        return np.zeros((0,), np.float32)
    shape, rest = (num_samples, *first.shape[1:]), chain([first], blocks)
    num_bytes = num_samples * first[0].nbytes
    if where == "memory" or (where == "auto" and num_bytes <= _free_bytes()):
        whole = np.empty(shape, first.dtype)
        _fill(whole, rest)
        return whole
    _write(place, shape, first.dtype, rest)
    written: Array = np.load(place, mmap_mode="r", allow_pickle=False)
    return written


def load_uneven(
    identity: tuple[Any, ...],
    rows: Array,
    blocks: Callable[[], Iterator[tuple[Array, Array | None]]],
    axis: int,
    where: str,
) -> tuple[Array, Array]:
    """Return all samples that `blocks` yields with their lengths, padded to the longest of them along `axis`.

    How long they are must be known first: that takes a separate reading if it is not kept.
    """
    place = cache.folder("packed", f"{_key((*identity, 'lengths'))}.npy")
    lengths = cache.read_array(place)
    if lengths is None or len(lengths) != len(rows):
        known = [part for _, part in blocks() if part is not None]
        lengths = np.concatenate(known) if known else np.zeros(0, np.int64)
        cache.write_array(place, lengths)
    longest = int(lengths.max(initial=1))
    padded = (_resize_steps(values, axis, longest) for values, _ in blocks())
    return load(identity, len(rows), padded, where), lengths


def _resize_steps(values: Array, axis: int, longest: int) -> Array:
    """Return samples cut or padded to `longest` steps: numbers with 0, ids with -1."""
    kept = values[(*[slice(None)] * axis, slice(longest))]
    widths = [(0, 0)] * values.ndim
    widths[axis] = (0, longest - kept.shape[axis])
    return np.pad(kept, widths, constant_values=0 if values.dtype.kind == "f" else -1)


def _key(identity: tuple[Any, ...]) -> str:
    plain = [
        hashlib.sha256(part.tobytes()).hexdigest() if isinstance(part, np.ndarray) else part
        for part in identity
    ]
    return cache.key(_VERSION, *plain)


def _free_bytes() -> int:
    """Return how many bytes may be kept in memory unasked."""
    import psutil

    return min(_SMALL_BYTES, int(psutil.virtual_memory().available) // 4)


def _fill(target: Array, blocks: Iterator[Array]) -> None:
    start = 0
    for block in blocks:
        target[start : start + len(block)] = block
        start += len(block)


def _write(place: Path, shape: tuple[int, ...], dtype: Any, blocks: Iterator[Array]) -> None:
    """Write blocks into a temporary file beside `place` and move it there when it is whole."""
    name = ""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=place.parent, suffix=".part")
        os.close(handle)
        target = np.lib.format.open_memmap(name, mode="w+", dtype=dtype, shape=shape)
        _take_room(Path(name))
        _fill(target, blocks)
        target.flush()
        del target
        cache.seal(Path(name))
        Path(name).replace(place)
    except OSError as error:
        raise NoRoomError(_no_room(place, shape, dtype, error)) from None
    finally:
        if name:
            Path(name).unlink(missing_ok=True)


def _take_room(file: Path) -> None:
    """Claim the file's blocks: on a full disk, writing into a map with holes would end the process."""
    if hasattr(os, "posix_fallocate"):
        with file.open("r+b") as opened:
            os.posix_fallocate(opened.fileno(), 0, file.stat().st_size)


def _no_room(place: Path, shape: tuple[int, ...], dtype: Any, error: OSError) -> Problem:
    needed = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return Problem(
        "RES804",
        f"the cache of decoded samples needs {needed / 1e9:.3g} GB and cannot be written",
        at="cache",
        label="kept on disk",
        notes=(f"`{place.parent}`: {(error.strerror or str(error)).lower()}",),
        helps=("make room, set DECLARE_CACHE_DIR to another disk, or set `cache: none`",),
    )
