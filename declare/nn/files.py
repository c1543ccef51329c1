"""Weights in files: read without running anything that stands in them, and no more than fits.

A file of weights is data of somebody else. `.safetensors` holds a header and numbers. What `torch.save` writes is an
archive with a pickle: only tensors and plain containers in it are read, and only where its entries are stored as they
are, for a packed archive of some kilobytes may unpack to more than the memory.
"""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from declare.nn.headers import MOST_TENSORS, UnreadableError, check_header, regular_size

__all__ = ["UnreadableError", "read_tensors"]


def read_tensors(path: Path) -> Any:
    """Return what a `.safetensors` file or a file of `torch.save` holds, on the CPU.

    Raises `FileNotFoundError`, or `UnreadableError` for all else that keeps it from being read.
    """
    try:
        size = regular_size(path)
        return _safetensors(path) if path.suffix == ".safetensors" else _torch(path, size)
    except (FileNotFoundError, UnreadableError):
        raise
    except pickle.UnpicklingError:
        raise UnreadableError("it holds more than tensors, and loading that would run code") from None
    except Exception as error:
        first = str(error).strip().partition("\n")[0][:200]
        raise UnreadableError(first or type(error).__name__) from error


def _safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    check_header(path)
    return load_file(path)


def _torch(path: Path, size: int) -> Any:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
        if len(entries) > MOST_TENSORS:
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
