"""The user's cache folder: what is remembered between commands, as text. Numpy-free."""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any


def folder(*parts: str) -> Path:
    """Return a folder in the user's cache (`DECLARE_CACHE_DIR`, else `~/.cache/declare`)."""
    root = os.environ.get("DECLARE_CACHE_DIR")
    return _private(Path(root or Path.home() / ".cache" / "declare")).joinpath(*parts)


@cache
def _private(root: Path) -> Path:
    """Return a folder that this user alone may write to: `root`, or one of this process where that is another's."""
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = root.stat()
        if facts.st_uid == os.getuid():
            if facts.st_mode & 0o077:
                root.chmod(0o700)
            return root
    except OSError:
        return root  # nothing is kept there, and nothing is found
    own = Path(tempfile.mkdtemp(prefix="declare-cache-"))
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    return own


def key(*parts: Any) -> str:
    """Return a hash of plain values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def read_text(path: Path) -> str | None:
    """Return the text of a cached file, or None where there is none that can be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def write_text(path: Path, text: str) -> None:
    """Write a cached file in one move; a cache that cannot be written is done without."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError:
        return
