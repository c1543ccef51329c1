"""Weight files: read without executing code in them, and within limits.

A file of weights may come from anywhere. `.safetensors` holds a header and numbers. What `torch.save` writes is an
archive with a pickle: only tensors and plain containers in it are read, and only if its entries are stored as they
are, for a packed archive of some kilobytes may unpack to more than the memory.
"""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from declare.nn.pickle_headers import refuse_grown, refuse_packed
from declare.nn.safetensors_header import UnreadableError, check_header, regular_size
from declare.nn.weight_index import is_index, read_indexed

__all__ = ["UnreadableError", "read_tensors"]


def read_tensors(path: Path) -> Any:
    """Return what a `.safetensors` file, a file of `torch.save` or the index of several holds, on the CPU.

    Raises `FileNotFoundError`, or `UnreadableError` for all else that keeps it from being read.
    """
    try:
        if is_index(path):
            return read_indexed(path, read_tensors)
        size = regular_size(path)
        return _safetensors(path) if path.suffix == ".safetensors" else _torch(path, size)
    except (FileNotFoundError, UnreadableError):
        raise
    except pickle.UnpicklingError:
        raise UnreadableError("it contains more than tensors, and loading that would run code") from None
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
            refuse_packed(archive, size)
    return _check_shared_storage(torch.load(path, map_location="cpu", weights_only=True), size)


def _check_shared_storage(content: Any, size: int) -> Any:
    """Return `found` unless its tensors share numbers so that they are far larger than the file."""
    storages: set[int] = set()
    total, waiting = 0, [content]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Tensor):
            total += item.numel() * item.element_size()
        elif isinstance(item, dict | list | tuple) and id(item) not in storages:
            storages.add(id(item))
            waiting += item.values() if isinstance(item, dict) else item
    refuse_grown(total, size)
    return content
