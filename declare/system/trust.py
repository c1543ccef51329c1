"""Which code of the user may run: files that the user named together with the hash of their content.

A spec can ask for code, never grant it. Grants come from the command line (`--trust net.py@sha256:HASH`) or from the
user's own settings, `~/.config/declare/trust` with an entry a line, and hold for this process. So does the permission
to fetch data: only commands that train give it.
"""

import hashlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from declare.contract.problem import Problem, ProblemError
from declare.system.user_cache import expand_home, home

Grant = tuple[Path, str]
_MARK = "@sha256:"
_LARGEST = 1 << 20
"""Bytes that a settings file or a file of code may have."""
_granted: set[Grant] = set()
_switches = {"downloads": False}


def grant(entries: Iterable[str]) -> None:
    """Trust files given as `PATH@sha256:HASH`; other entries are left to their own checks."""
    _granted.update(filter(None, map(_parse_grant, entries)))


def _parse_grant(entry: str) -> Grant | None:
    path, mark, digest = entry.rpartition(_MARK)
    return (expand_home(Path(path)).resolve(), digest.lower()) if mark else None


def granted_entries() -> tuple[str, ...]:
    """Return what was granted, with absolute paths, as `grant` takes it."""
    return tuple(sorted(f"{path}{_MARK}{digest}" for path, digest in _granted))


def allow_downloads() -> None:
    """Let sources fetch data that the spec asks for, from here on."""
    _switches["downloads"] = True


def may_download() -> bool:
    """Whether data may be fetched: never while a spec is only looked at."""
    return _switches["downloads"]


def settings_file() -> Path:
    """Return the user's own list of trusted files."""
    root = os.environ.get("XDG_CONFIG_HOME")
    return (Path(root) if root else home() / ".config") / "declare" / "trust"


def _granted_in_settings() -> set[Grant]:
    """Return the grants of the user's settings; a file that others own or may change grants nothing."""
    path = settings_file()
    try:
        with path.open("rb") as file:
            facts = os.fstat(file.fileno())
            alone = facts.st_uid == os.getuid() and not facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
            lines = file.read(_LARGEST).decode("utf-8", "replace").splitlines() if alone else []
    except OSError:
        return set()
    return set(filter(None, (_parse_grant(line.strip()) for line in lines if not line.startswith("#"))))


def entry(path: Path, content: bytes) -> str:
    """Return the words that grant a file with this content."""
    return f"{path}{_MARK}{hashlib.sha256(content).hexdigest()}"


def read(path: Path) -> bytes:
    """Return the content of a trusted file; raises `ProblemError` REF242, or DAT302 if it does not exist."""
    content = _content(path)
    words = entry(path, content)
    wanted = (path.resolve(), words.rpartition(":")[2])
    known = _granted | _granted_in_settings()
    if wanted in known:
        _granted.add(wanted)  # what was used is in the run's record, wherever it was granted
        return content
    changed = any(wanted[0] == place for place, _ in known)
    why = "changed since it was trusted" if changed else "contains code, which runs only if you trust it"
    problem = Problem(
        "REF242",
        f"`{path.name}` {why}",
        at="file",
        label="not trusted",
        helps=(f"read it, then add `--trust {words}`",),
    )
    raise ProblemError(problem)


def _content(path: Path) -> bytes:
    """Return the bytes of a file of code, which is a regular one of a sensible size."""
    because = f"it is not a regular file of at most {_LARGEST >> 20} MB"
    try:
        facts = path.stat()
        if stat.S_ISREG(facts.st_mode) and facts.st_size <= _LARGEST:
            return path.read_bytes()
    except (OSError, ValueError) as error:
        because = getattr(error, "strerror", None) or str(error)
    title = f"there is no readable file {path}"
    helps = ("correct the path; relative paths start at the file that states them",)
    raise ProblemError(Problem("DAT302", title, at="file", label="no file", notes=(because,), helps=helps))
