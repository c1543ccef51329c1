"""The user's cache folder: facts and decoded samples, by fingerprint. Numpy is imported for arrays alone."""

import os
import tempfile
from pathlib import Path

from declare.contract.shapes import Array
from declare.system.user_cache import (
    folder,
    is_whole,
    key,
    read_plain,
    read_text,
    report_damage,
    seal,
    write_plain,
    write_text,
)

__all__ = [
    "folder",
    "key",
    "open_array",
    "read_array",
    "read_plain",
    "read_text",
    "seal",
    "write_array",
    "write_plain",
    "write_text",
]


def read_array(path: Path) -> Array | None:
    """Return a cached array; None if there is none, or if it was damaged, which is reported."""
    return _load(path, mapped=False)


def open_array(path: Path) -> Array | None:
    """Return a cached array as a memory map, or None as `read_array` does; its file is read and hashed once."""
    return _load(path, mapped=True)


def _load(path: Path, *, mapped: bool) -> Array | None:
    import numpy as np

    if not path.exists():
        return None
    try:
        if is_whole(path):
            array: Array = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
            return array
    except (OSError, ValueError, EOFError, SyntaxError):
        pass
    report_damage(path)
    return None


def write_array(path: Path, values: Array) -> None:
    """Write a cached array in one move; a cache that cannot be written is done without."""
    import numpy as np

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".npy")
        with os.fdopen(handle, "wb") as file:
            np.save(file, values)
        seal(Path(name))
        Path(name).replace(path)
    except OSError:
        return
