"""Which code of the user may run: files that the user named together with the hash of their content.

A spec can ask for code, never grant it. Grants come from the command line (`--trust net.py@sha256:HASH`) or
from the plan of a run that had them, and hold for this process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from declare.contract.problem import Problem, ProblemError

_granted: set[tuple[Path, str]] = set()


def grant(entries: Iterable[str]) -> None:
    """Trust files given as `PATH@sha256:HASH`; other entries are no files and are left to others."""
    for entry in entries:
        path, mark, digest = entry.rpartition("@sha256:")
        if mark:
            _granted.add((Path(path).resolve(), digest.lower()))


def granted() -> tuple[str, ...]:
    """Return what was granted, with absolute paths, as `grant` takes it."""
    return tuple(sorted(f"{path}@sha256:{digest}" for path, digest in _granted))


def entry(path: Path, content: bytes) -> str:
    """Return the words that grant a file with this content."""
    return f"{path}@sha256:{hashlib.sha256(content).hexdigest()}"


def read(path: Path) -> bytes:
    """Return the content of a trusted file; raises `ProblemError`: REF242, or DAT302 where there is none."""
    try:
        content = path.read_bytes()
    except OSError as error:
        title = f"there is no readable file {path}"
        raise ProblemError(
            Problem("DAT302", title, at="file", notes=(error.strerror or str(error),))
        ) from error
    words = entry(path, content)
    if (path.resolve(), words.rpartition(":")[2]) in _granted:
        return content
    changed = any(path.resolve() == known for known, _ in _granted)
    why = "changed since it was trusted" if changed else "holds code, which runs only if you trust it"
    problem = Problem(
        "REF242",
        f"`{path.name}` {why}",
        at="file",
        label="not trusted",
        helps=(f"read it, then add `--trust {words}`",),
    )
    raise ProblemError(problem)
