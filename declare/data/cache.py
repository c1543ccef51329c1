"""The user's cache folder: facts and decoded samples, by fingerprint. Numpy is imported for arrays alone."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from declare.contract.user_cache import folder, key, read_text, write_text

if TYPE_CHECKING:
    import numpy as np

__all__ = ["folder", "key", "read_array", "read_text", "write_array", "write_text"]


def read_array(path: Path) -> np.ndarray[Any, Any] | None:
    """Return a cached array, or None where there is none that can be read."""
    import numpy as np

    try:
        found: np.ndarray[Any, Any] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return found


def write_array(path: Path, values: np.ndarray[Any, Any]) -> None:
    """Write a cached array in one move; a cache that cannot be written is done without."""
    import numpy as np

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".npy")
        with os.fdopen(handle, "wb") as file:
            np.save(file, values)
        Path(name).replace(path)
    except OSError:
        return
