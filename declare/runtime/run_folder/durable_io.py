"""The disk: durable writes, and what its refusals mean to the user."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from declare.contract.problem import Problem, ProblemError, cut_start
from declare.system.memory_limits import free_bytes

FULL = {errno.ENOSPC, errno.EDQUOT}
"""The operating system's message of a full disk."""
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_UNUSABLE = {errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG}
"""The path is at fault, not the disk."""


def readable_bytes(number: float) -> str:
    """Return a size as people read it: `3.2 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(number) < (1000 if unit == "B" else 999.95):  # 999.96 would be shown as 1000.0
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def brief(path: object, width: int = 36) -> str:
    """Return a path short enough for a headline: its end if it is long."""
    return cut_start(str(path), width)


def disk_full_problem(folder: Path, needed_bytes: int, *, note: str = "") -> Problem:
    """Return the finding that `folder` has not the room for `needed_bytes` bytes.

    If more than that is free, a quota or another writer is the cause: only the free space is
    reported then.
    """
    free = free_bytes(folder)
    needed_text = f"{readable_bytes(needed_bytes)} needed, " if needed_bytes > free else ""
    return Problem(
        "RES804",
        f"the disk is full: {needed_text}{readable_bytes(free)} free",
        notes=tuple(filter(None, (f"writing to `{folder}`", note))),
        helps=(
            "free some space, or send the run elsewhere with `--run-dir`",
            "keep fewer checkpoints: `checkpoint: {keep: 1}`",
        ),
    )


def os_error_problem(error: OSError, folder: Path, needed_bytes: int = 0) -> Problem:
    """Return what an operating-system error while writing to `folder` means."""
    if error.errno in FULL:
        return disk_full_problem(folder, needed_bytes)
    place = error.filename or folder
    if error.errno in _REFUSED:
        return Problem(
            "RES811",
            f"no permission to write to `{brief(place)}`",
            notes=(f"the operating system reports for `{place}`: {error.strerror}",),
            helps=("choose another place with `--run-dir`",),
        )
    reason = "a file is where a folder is needed" if error.errno == errno.EEXIST else error.strerror or error
    help_text = "look at the disk's health, then continue with `--resume`"
    if error.errno in _UNUSABLE:
        help_text = "choose another place with `--run-dir`: no folder can be made there"
    elif error.errno == errno.ENOENT:
        help_text = "see what moved or deleted it, then continue with `--resume`"
    return Problem(
        "RES812",
        f"writing to `{brief(place)}` failed",
        notes=(f"the operating system reports for `{place}`: {reason}",),
        helps=(help_text,),
    )


@contextlib.contextmanager
def translate_os_errors(folder: Path) -> Iterator[None]:
    """Turn operating-system errors inside into `ProblemError`."""
    try:
        yield
    except OSError as error:
        raise ProblemError(os_error_problem(error, folder)) from error


def fsync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(path: Path, data: bytes) -> None:
    """Replace `path` by `data` in one step: after a crash it holds the old bytes or the new ones."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with create_new(temporary) as descriptor:
            write_all(descriptor, data)
            os.fsync(descriptor)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    fsync_folder(path.parent)


@contextlib.contextmanager
def open_whole(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for people to write: a disk that fails leaves the file that stood there before, or none.

    Raises OSError. What is not a regular file (`/dev/stdout`, a pipe) is written straight.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        with target.open("wb") as file:
            yield file
        return
    temporary = target.with_name(f".{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_whole(path: Path, text: str) -> None:
    """Write a text for people as `open_whole` does; raises OSError."""
    with open_whole(path) as file:
        file.write(text.encode())


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write all of `data`, in as many pieces as the system takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


@contextlib.contextmanager
def create_new(path: Path) -> Iterator[int]:
    """Open a file that must not exist yet (no link is followed) and give its descriptor."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def open_own(path: Path, mode: str) -> IO[str]:
    """Open a text file of a run folder to write: for this user alone, and never through a link."""
    return open(path, mode, encoding="utf-8", newline="", opener=_without_links)


def reopen_if_replaced(file: IO[str], path: Path) -> IO[str]:
    """Return a text file that is appended to, opened with `a+`, reopened if `path` was replaced.

    If it was deleted, it is written there again with all that it held; if another one is there,
    that one is appended to. Its folder must be there.
    """
    try:
        if os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return file
    except FileNotFoundError:
        if not path.parent.is_dir():
            return file
    reopened = open_own(path, "a+")
    if not os.fstat(reopened.fileno()).st_size:
        file.flush()
        file.seek(0)
        reopened.write(file.read())
        reopened.flush()
    file.close()
    return reopened


def _without_links(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def refuse_links(folder: Path) -> None:
    """Raise `ProblemError` (RES820) if a run folder holds a link: what is written there would go elsewhere."""
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            if (link := Path(place) / name).is_symlink():
                raise ProblemError(
                    Problem(
                        "RES820",
                        f"the run folder `{brief(folder)}` contains a link",
                        notes=(
                            f"`{link}` points to `{link.readlink()}`: a run writes only into its own folder",
                        ),
                        helps=("put the real file or folder there, or train in a new folder",),
                    )
                )


class HashedFile:
    """A new file that is hashed while it is written."""

    def __init__(self, descriptor: int) -> None:
        import hashlib

        self._descriptor = descriptor
        self._hash = hashlib.sha256()
        self.bytes = 0

    def write(self, data: bytes | memoryview) -> None:
        """Append `data`."""
        write_all(self._descriptor, data)
        self._hash.update(data)
        self.bytes += len(data)

    @property
    def sha256(self) -> str:
        """The hash of everything written so far."""
        return self._hash.hexdigest()


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
