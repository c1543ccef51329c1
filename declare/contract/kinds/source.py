"""Sources: where samples come from."""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple

from pydantic import PlainSerializer

from declare.contract.code import Code, NotWrittenError
from declare.contract.component import Component
from declare.contract.facts import Reader


class _PathMarker:
    """Marks a parameter that is a path relative to the file that states it; reading makes it absolute."""


def is_path(metadata: Iterable[object]) -> bool:
    """Return whether a parameter with this metadata is a `SpecPath`."""
    return any(isinstance(item, _PathMarker) for item in metadata)


def file_exists(path: Path) -> bool:
    """Return whether a path exists; False for names that cannot be paths, and without permission."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def is_file(path: Path) -> bool:
    """Return whether a path is a regular file; False in the cases of `file_exists`."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Return whether a path is a folder; False in the cases of `file_exists`."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
"""How an address of the net starts, also if a path has taken one of its slashes: data are files on disk."""
SpecPath = Annotated[Path, _PathMarker(), PlainSerializer(str)]


class Fingerprints(NamedTuple):
    """Values that change with the data.

    `portable` is the same for a copy with the same sizes and times, on another machine too: it is part of plans.
    `local` changes as well if a file was replaced by one of the same size and time: what is kept in the user's
    cache goes by both.
    """

    portable: str
    local: str


def local_stamp(stats: Iterable[os.stat_result]) -> str:
    """Return a value that changes when one of the files is replaced or written, whatever its modification time."""
    digest = hashlib.sha256()
    for stat in stats:
        digest.update(f"{stat.st_ino} {stat.st_ctime_ns}\n".encode())
    return digest.hexdigest()[:32]


def file_stamp(path: Path) -> str:
    """Return the stamp of a file, or that of a missing file."""
    return files_stamp([path])


def files_stamp(paths: Iterable[Path]) -> str:
    """Return the stamp of files, without missing ones."""
    return local_stamp(_stats(paths))


Extensions = Mapping[str, Mapping[str, object]]
"""Endings of files in lower case, each with the parameters that it implies."""


class Source(Component):
    """A source of samples; `open()` gives a reader."""

    extensions: ClassVar[Extensions] = {}
    """Endings of files that it reads without further settings; empty if a spec must name the source."""

    def fingerprint(self) -> str:
        """Return a value that changes with the data: sizes and times of the files, or the parameters.

        Cheap: reads no content. Raises `ProblemError` if a file is missing or unreadable (DAT302, DAT312).
        """
        raise NotImplementedError

    def fingerprints(self) -> Fingerprints:
        """Return the fingerprint and the stamp of the files; raises as `fingerprint` does."""
        return Fingerprints(self.fingerprint(), files_stamp(self.files()))

    @property
    def data_path(self) -> Path | None:
        """Return the file or folder of its parameter `path`, if it has one."""
        path = dict(self).get("path")
        return path if isinstance(path, Path) else None

    def files(self) -> Iterable[Path]:
        """Return the files of the samples, by name only; none if unknown."""
        path = self.data_path
        if path is None:
            return []
        return sorted(item for item in path.rglob("*") if is_file(item)) if is_folder(path) else [path]

    def open(self) -> Reader:
        """Open the source; raises `ProblemError` if it is missing, empty, corrupt or malicious."""
        raise NotImplementedError

    def code(self, columns: Sequence[str]) -> Code:
        """Return code that reads columns, an expression of column -> values; raises `NotWrittenError`."""
        raise NotWrittenError(f"the source `{self.type_name()}`")


def _stats(files: Iterable[Path]) -> Iterable[os.stat_result]:
    for file in files:
        with suppress(OSError):  # it went away a moment ago: reading it reports that
            yield file.stat()
