"""Weights in files: read without running anything that stands in them, and no more than fits.

A file of weights is data of somebody else. `.safetensors` holds a header and numbers. What `torch.save` writes is an
archive with a pickle: only tensors and plain containers in it are read, and only where its entries are stored as they
are, for a packed archive of some kilobytes may unpack to more than the memory.
"""

import json
import math
import pickle
import stat
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

_LARGEST_HEADER = 64 << 20
_MOST_TENSORS = 200_000
_SIZES = {
    **dict.fromkeys(("F64", "I64", "U64"), 8),
    **dict.fromkeys(("F32", "I32", "U32"), 4),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 2),
    **dict.fromkeys(("F8_E4M3", "F8_E5M2", "I8", "U8", "BOOL"), 1),
}


class UnreadableError(ValueError):
    """The file holds no weights that can be read safely; the message says why in a few words."""


def read_tensors(path: Path) -> Any:
    """Return what a `.safetensors` file or a file of `torch.save` holds, on the CPU.

    Raises `FileNotFoundError`, or `UnreadableError` for all else that keeps it from being read.
    """
    try:
        size = _size(path)
        return _safetensors(path, size) if path.suffix == ".safetensors" else _torch(path, size)
    except (FileNotFoundError, UnreadableError):
        raise
    except pickle.UnpicklingError:
        raise UnreadableError("it holds more than tensors, and loading that would run code") from None
    except Exception as error:
        first = str(error).strip().partition("\n")[0][:200]
        raise UnreadableError(first or type(error).__name__) from error


def _size(path: Path) -> int:
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise UnreadableError("it is no regular file")
    return facts.st_size


def _safetensors(path: Path, size: int) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(_LARGEST_HEADER, max(0, size - 8)):
            raise UnreadableError(f"its header says that it has {length:,} bytes, the file has {size:,}")
        header = json.loads(file.read(length))
    _check_header(header, size - 8 - length)
    return load_file(path)


def _check_header(header: Any, room: int) -> None:
    """Raise where tensors are not what their shape says, overlap, leave gaps, or stand outside of the file."""
    if not isinstance(header, dict) or len(header) > _MOST_TENSORS:
        raise UnreadableError("its header lists no tensors")
    places = []
    for name, facts in header.items():
        if name == "__metadata__":
            continue
        start, end = facts["data_offsets"]
        shape = facts["shape"]
        whole = all(type(number) is int and number >= 0 for number in (start, end, *shape))
        if not whole or end - start != math.prod(shape) * _SIZES[facts["dtype"]]:
            raise UnreadableError(f"`{name[:60]}` has another size than its header says")
        places.append((start, end))
    after = 0
    for start, end in sorted(places):
        if start != after:
            raise UnreadableError("its tensors overlap or leave gaps")
        after = end
    if after != room:
        raise UnreadableError(f"its tensors take {after:,} bytes, the file has {room:,} for them")


def _torch(path: Path, size: int) -> Any:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
        if len(entries) > _MOST_TENSORS:
            raise UnreadableError(f"it holds {len(entries):,} entries")
        packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
        if packed or sum(entry.file_size for entry in entries) > size:
            raise UnreadableError("its entries are packed: they may unpack to more than the memory")
    return _grown(torch.load(path, map_location="cpu", weights_only=True), size)


def _grown(found: Any, size: int) -> Any:
    """Return `found` unless its tensors share numbers so that they are far larger than the file."""
    seen: set[int] = set()
    total, waiting = 0, [found]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Tensor):
            total += item.numel() * item.element_size()
        elif isinstance(item, dict | list | tuple) and id(item) not in seen:
            seen.add(id(item))
            waiting += item.values() if isinstance(item, dict) else item
    if total > 16 * size + (1 << 28):
        raise UnreadableError(f"its tensors stand for {total:,} bytes, the file has {size:,}")
    return found
