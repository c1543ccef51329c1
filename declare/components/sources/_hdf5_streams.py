"""The output size of HDF5 filters, counted before the library unpacks a chunk.

Source: the library's own filters, https://github.com/HDFGroup/hdf5/tree/develop/src (H5Znbit.c and others).
"""

import zlib
from typing import NamedTuple

import h5py

Filter = tuple[int, tuple[int, ...]]
"""The code of a filter and its parameters."""
_PIECE = 1 << 20
_CHECKSUM_BYTES = 4
_SCALED_BYTES = 21
"""The header of a chunk that the filter of scales and offsets wrote."""
_PLAIN_NUMBERS = 1
"""The kind of values that the filter of bits packs one by one."""


class Stream(NamedTuple):
    """Bytes of a chunk between its filters: their number, and the first ones if known."""

    content: bytes
    size: int


def undone(step: Filter, stream: Stream, most: int) -> Stream:
    """Return the output of a filter on a stream; size -1 if it exceeds a chunk of `most` bytes."""
    code, values = step
    if stream.size < 0 or code == h5py.h5z.FILTER_SHUFFLE:
        return Stream(b"", stream.size)
    if code == h5py.h5z.FILTER_FLETCHER32:
        return Stream(stream.content[:-_CHECKSUM_BYTES], stream.size - _CHECKSUM_BYTES)
    if code == h5py.h5z.FILTER_DEFLATE:
        return _inflate(stream.content, most + _SCALED_BYTES + _CHECKSUM_BYTES)
    fits = _fits(code, values, stream, most)
    return Stream(b"", most if fits else -1)


def _inflate(content: bytes, most: int) -> Stream:
    """Return the size of an inflated stream, counted up to `most` bytes; -1 if it is damaged."""
    stream, total, start = zlib.decompressobj(), 0, b""
    try:
        while content and not stream.eof and total <= most:
            piece = stream.decompress(content, _PIECE)
            start = start or piece[:_SCALED_BYTES]
            total += len(piece)
            content = stream.unconsumed_tail
    except zlib.error:
        return Stream(b"", -1)
    return Stream(start, total if stream.eof else -1)


def _fits(code: int, values: tuple[int, ...], stream: Stream, most: int) -> bool:
    """Return whether a filter with a size header yields a chunk of `most` bytes from the bytes it reads."""
    if code == h5py.h5z.FILTER_LZF:
        return len(values) > 2 and values[2] == most
    if code == h5py.h5z.FILTER_SZIP:
        return int.from_bytes(stream.content[:4], "little") == most
    if code == h5py.h5z.FILTER_SCALEOFFSET and len(values) > 4 and len(stream.content) >= _CHECKSUM_BYTES:
        bits = int.from_bytes(stream.content[:4], "little")
        number, size = values[2], values[4]
        return (
            number * size == most
            and bits <= 8 * size
            and stream.size >= _SCALED_BYTES + -(-number * bits // 8)
        )
    if code == h5py.h5z.FILTER_NBIT and len(values) > 6 and values[3] == _PLAIN_NUMBERS:
        number, size, bits = values[2], values[4], values[6]
        packed = number * size if values[1] else -(-number * bits // 8)
        return number * size == most and bits <= 8 * size and stream.size >= packed
    return False
