"""The user's cache folder: what is remembered between commands, sealed with a checksum. Numpy-free.

Every entry ends in a trailer of `TRAILER_BYTES`: the digest of what is before it. An entry with another digest
(a flipped bit, a file cut short, an empty one) is removed and made again by its reader, with a warning.
"""

import atexit
import hashlib
import os
import shutil
import stat
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from declare.contract import strict_json
from declare.contract.problem import Problem
from declare.system import secrets

TRAILER_BYTES = 72
"""`sha256:`, 64 digits, and the end of the line."""
_PIECE_BYTES = 8 << 20
_MOST_THREADS = 8
_FORMAT = "sealed-1"
OnDamage = Callable[[Path], None]
"""Told the path of every damaged entry."""
_handlers: list[OnDamage] = []


@contextmanager
def on_damage(handler: OnDamage) -> Iterator[None]:
    """While inside, let `handler` know of damaged entries; without any handler they are Python warnings."""
    _handlers.append(handler)
    try:
        yield
    finally:
        _handlers.remove(handler)


def report_damage(path: Path) -> None:
    """Remove a damaged entry and report it."""
    with suppress(OSError):
        path.unlink()
    if _handlers:
        _handlers[-1](path)
    else:
        warnings.warn(damaged_entry(path).title, stacklevel=2)


def damaged_entry(path: Path) -> Problem:
    """Return the finding (RES822) that an entry was damaged."""
    return Problem(
        "RES822",
        f"a damaged entry of the cache is made again: `{path.parent.name}`",
        notes=(f"`{path}` was not what was written there: nothing of it was used",),
        helps=("if this comes again, look at the disk's health; `DECLARE_CACHE_DIR` moves the cache",),
    )


def folder(*parts: str) -> Path:
    """Return a folder in the user's cache (`DECLARE_CACHE_DIR`, else `~/.cache/declare`)."""
    root = os.environ.get("DECLARE_CACHE_DIR")
    return _private(Path(root or home() / ".cache" / "declare")).joinpath(*parts)


def writable_folder(*parts: str) -> Path:
    """Return a folder in the user's cache that exists, or one of this process where nothing can be written."""
    place = folder(*parts)
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place):
            return place
    except OSError:
        place = _process_folder().joinpath(*parts)
        place.mkdir(parents=True)
        return place


def home() -> Path:
    """Return the user's home folder; one that cannot exist for a user without one."""
    try:
        return Path.home()
    except RuntimeError:
        return Path(os.devnull)


def expand_home(path: Path) -> Path:
    """Return a path with the home folder for `~`; unchanged for a user that the system does not know."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


@cache
def _private(root: Path) -> Path:
    """Return a folder that this user alone may write to: `root`, or one of this process if that is another's."""
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = root.stat()
        if facts.st_uid == os.getuid():
            if facts.st_mode & 0o077:
                root.chmod(0o700)
            return root
    except OSError:
        return root  # nothing is kept there, and nothing is found
    return _process_folder()


def _process_folder() -> Path:
    """Return a new folder that is removed at the end of this process."""
    private = Path(tempfile.mkdtemp(prefix="declare-cache-"))
    atexit.register(shutil.rmtree, private, ignore_errors=True)
    return private


def key(*parts: Any) -> str:
    """Return a hash of plain values, and of how entries are kept."""
    text = strict_json.dumps((_FORMAT, parts), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def read_text(path: Path) -> str | None:
    """Return the text of an entry; None if there is none, or if it was damaged, which is reported."""
    if not os.path.lexists(path):
        return None
    try:
        whole = path.read_bytes() if _is_regular(path) else b""
    except OSError:
        return None
    body, trailer = whole[:-TRAILER_BYTES], whole[-TRAILER_BYTES:]
    if trailer == _trailer_of(body):
        with suppress(UnicodeDecodeError):
            return body.decode()
    report_damage(path)
    return None


def write_text(path: Path, text: str) -> None:
    """Write an entry in one move; a cache that cannot be written is done without.

    What holds the value of an environment variable that a spec names is not kept.
    """
    if secrets.occur_in(text):
        return
    body = text.encode()
    _replace(path, body + _trailer_of(body))


def read_plain(path: Path) -> str | None:
    """Return the text of a file outside the cache, or None if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def write_plain(path: Path, text: str) -> None:
    """Write a file outside of the cache in one move; one that cannot be written is done without."""
    _replace(path, text.encode())


def _replace(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except OSError:
        return


def seal(path: Path) -> None:
    """Append the trailer to a file; raises OSError."""
    trailer = _trailer(digest(path, path.stat().st_size))
    with path.open("ab") as file:
        file.write(trailer)


def is_whole(path: Path) -> bool:
    """Return whether a file exists and matches its checksum; all of it is read, in threads if it is large."""
    try:
        length = path.stat().st_size - TRAILER_BYTES
        if length < 0 or not _is_regular(path):
            return False
        with path.open("rb") as file:
            file.seek(length)
            return file.read() == _trailer(digest(path, length))
    except OSError:
        return False


def _is_regular(path: Path) -> bool:
    """Return whether an entry is a file itself: a pipe may never end, and a link leads out of the cache."""
    return stat.S_ISREG(path.lstat().st_mode)


def digest(path: Path, length: int) -> str:
    """Return the SHA-256 of the SHA-256s of a file's first `length` bytes, in pieces of 8 MiB; raises OSError."""
    from concurrent.futures import ThreadPoolExecutor

    starts = range(0, max(length, 1), _PIECE_BYTES)
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def piece(start: int) -> bytes:
        return _digest(_read_all(handle, start, min(_PIECE_BYTES, length - start)))

    try:
        if len(starts) == 1:
            return _hash_pieces([piece(0)])
        with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as threads:
            return _hash_pieces(list(threads.map(piece, starts)))
    finally:
        os.close(handle)


def _read_all(handle: int, start: int, length: int) -> bytes:
    """Return `length` bytes of a file from `start` on, fewer at its end: a disk may give them in parts."""
    parts = []
    while length > 0 and (part := os.pread(handle, length, start)):
        parts.append(part)
        start, length = start + len(part), length - len(part)
    return b"".join(parts)


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _hash_pieces(pieces: list[bytes]) -> str:
    return hashlib.sha256(b"".join(pieces)).hexdigest()


def _trailer_of(body: bytes) -> bytes:
    starts = range(0, max(len(body), 1), _PIECE_BYTES)
    return _trailer(_hash_pieces([_digest(body[start : start + _PIECE_BYTES]) for start in starts]))


def _trailer(digest: str) -> bytes:
    return f"sha256:{digest}\n".encode()
