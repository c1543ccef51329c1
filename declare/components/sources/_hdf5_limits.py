"""Limits for the unpacked size of HDF5 datasets, by their headers and by their compressed streams."""

import math
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

import h5py
import numpy as np

from declare.components.sources._hdf5_streams import Filter, Stream, undone
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array

LIGHT_BYTES = 1 << 26
"""Maximum size of a dataset that is read whole, and of any unpacked dataset."""
_RATIO = 200
"""Maximum ratio of a large dataset to its stored bytes."""
_ALL_BYTES = 1 << 28
"""Maximum unpacked size of all datasets together, however small the file is."""
_HEADER_BYTES = 64
"""Bytes that filters add to those of a chunk."""
_TEXT_BYTES = 16
"""Bytes in a chunk for a text or list of variable length: its size and address."""
_FREE_FILTERS = {
    *(h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32),
    *(h5py.h5z.FILTER_NBIT, h5py.h5z.FILTER_SCALEOFFSET),
}
"""Filters that keep the number of bytes, add a checksum, or yield at most a chunk."""


def refuse_inflated(name: str, item: Any, size: int) -> None:
    """Raise `ProblemError` (DAT335) for a dataset or chunk far larger than a file of `size` bytes stores."""
    stored = min(int(item.id.get_storage_size()), size)
    unpacked = max(int(item.nbytes), _chunk_bytes(item))
    if unpacked > LIGHT_BYTES and unpacked > _RATIO * stored:
        raise ProblemError(_inflation_problem(f"`{name[:40]}`", unpacked, stored))
    if len(_packing(item)) > 1:
        raise ProblemError(_packed_twice(name))


def refuse_inflated_sum(title: str, items: Iterable[Any], size: int) -> None:
    """Raise `ProblemError` (DAT335) if all datasets together are far larger than the file."""
    unpacked = sum(int(item.nbytes) for item in items)
    if unpacked > _ALL_BYTES and unpacked > _RATIO * size:
        raise ProblemError(_inflation_problem(title, unpacked, size))


def refuse_shared_texts(name: str, item: Any, size: int) -> None:
    """Raise `ProblemError` (DAT335) for variable-length texts that are stored once and used many times."""
    if item.dtype.kind != "O" or item.shape[0] * size <= _ALL_BYTES:
        return
    unpacked, step = 0, max(1, LIGHT_BYTES // size)
    for start in range(0, item.shape[0], step):
        unpacked += sum(map(len, np.ravel(item[start : start + step])))
        if unpacked > _ALL_BYTES and unpacked > _RATIO * size:
            raise ProblemError(_inflation_problem(f"`{name[:40]}`", unpacked, size))


def _chunk_bytes(item: Any) -> int:
    size = _TEXT_BYTES if item.dtype.kind == "O" else item.dtype.itemsize
    return math.prod(item.chunks) * size if item.chunks else 0


def _packing(item: Any) -> list[int]:
    """Return the filters of a dataset that change its number of bytes."""
    return [code for code, _ in _filters(item) if code not in _FREE_FILTERS]


def _filters(item: Any) -> list[Filter]:
    """Return codes and parameters of a dataset's filters, in the order of their application."""
    steps = item.id.get_create_plist()
    filters = (steps.get_filter(number) for number in range(steps.get_nfilters()))
    return [(code, values) for code, _, values, _ in filters]


class Streams:
    """Checks the compressed chunks of one dataset before the library unpacks them, each once.

    The library unpacks a deflated chunk to its end, whatever its size, and reads beyond one that ends early.
    """

    def __init__(self, name: str, item: Any) -> None:
        self._name = name
        self._filters = _filters(item) if item.chunks is not None else []
        self._seen: set[int] = set()

    def check(self, item: Any, rows: Array | None) -> None:
        """Raise `ProblemError` (DAT335) for a chunk of these rows that unpacks to more or less than its size."""
        if not self._filters:
            return
        touched = (
            range(-(-item.shape[0] // item.chunks[0])) if rows is None else np.unique(rows // item.chunks[0])
        )
        for number in map(int, touched):
            if number not in self._seen:
                self._seen.add(number)
                for place in _places(item, number):
                    self._check_chunk(item, place)

    def _check_chunk(self, item: Any, place: tuple[int, ...]) -> None:
        info = item.id.get_chunk_info_by_coord(place)
        if not info.size:
            return
        most = _chunk_bytes(item)
        if info.size > 2 * most + _HEADER_BYTES:
            raise ProblemError(_chunk_mismatch(self._name))
        used = [step for number, step in enumerate(self._filters) if not info.filter_mask >> number & 1]
        stream = Stream(item.id.read_direct_chunk(place)[1], info.size)
        for step in reversed(used):
            stream = undone(step, stream, most)
        if stream.size != most:
            raise ProblemError(_chunk_mismatch(self._name))


def _places(item: Any, number: int) -> Iterator[tuple[int, ...]]:
    """Yield the coordinates of the chunks at one position of the first axis."""
    others = [range(0, size, step) for size, step in zip(item.shape[1:], item.chunks[1:], strict=True)]
    return ((number * item.chunks[0], *rest) for rest in product(*others))


def _inflation_problem(what: str, unpacked: int, stored: int) -> Problem:
    return Problem(
        "DAT335",
        f"{what} unpacks to {unpacked / 1e9:.3g} GB from {stored / 1e6:.3g} MB",
        at="source.path",
        label="unsafe file",
        notes=(f"limits: {LIGHT_BYTES >> 20} MiB, or {_RATIO} times what is stored",),
        helps=("write the values as they are, with less compression",),
    )


def _chunk_mismatch(name: str) -> Problem:
    return Problem(
        "DAT335",
        f"a chunk of `{name[:40]}` unpacks to more or less than the size of a chunk",
        at="source.path",
        label="unsafe file",
        helps=("write the file again: `h5repack`",),
    )


def _packed_twice(name: str) -> Problem:
    return Problem(
        "DAT335",
        f"`{name[:40]}` is compressed by several filters",
        at="source.path",
        label="unsafe file",
        helps=("write it with one filter: `h5repack -f GZIP=4`",),
    )
