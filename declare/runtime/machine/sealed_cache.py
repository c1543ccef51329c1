"""A folder of the user's cache that a library fills: its files are hashed when a process ends, compared at the next.

For torch.compile's cache, whose files are code that runs. Files without a seal (of a process that was killed)
are removed, unless another process is at work in the folder.
"""

import atexit
import fcntl
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path

from declare.contract import strict_json
from declare.system import user_cache


def open_sealed(folder: Path) -> None:
    """Prepare a folder for this process; if part of it is damaged, all of it is removed and this is reported."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(folder.with_name(f"{folder.name}.lock"), flags, 0o600)  # held until the process ends
    with suppress(BlockingIOError):  # another process is at work there, and has looked when it began
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _compare(folder)
    fcntl.flock(handle, fcntl.LOCK_SH)
    atexit.register(seal, folder)


def seal(folder: Path) -> None:
    """Remember the hashes of all files in a folder."""
    hashes = {}
    for file in _files(folder):
        with suppress(OSError):  # a library removes what it no longer needs
            hashes[str(file.relative_to(folder))] = user_cache.digest(file, file.stat().st_size)
    user_cache.write_text(_seals(folder), strict_json.dumps(hashes))


def _compare(folder: Path) -> None:
    hashes: dict[str, str] = json.loads(user_cache.read_text(_seals(folder)) or "{}")
    for file in _files(folder):
        digest = hashes.get(str(file.relative_to(folder)))
        if digest is None:
            file.unlink(missing_ok=True)
        elif user_cache.digest(file, file.stat().st_size) != digest:
            user_cache.report_damage(file)
            shutil.rmtree(folder)  # what was made of it may be elsewhere in the folder
            folder.mkdir(mode=0o700)
            return


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def _seals(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.json")
