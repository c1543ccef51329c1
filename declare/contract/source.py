"""Sources: where samples come from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import PlainSerializer

from declare.contract.component import Component
from declare.contract.data import Reader


class _PathMarker:
    """Marks a parameter that is a path relative to the file that states it; reading makes it absolute."""


def is_path(metadata: Iterable[object]) -> bool:
    """Return whether a parameter with this metadata is a `SpecPath`."""
    return any(isinstance(item, _PathMarker) for item in metadata)


SpecPath = Annotated[Path, _PathMarker(), PlainSerializer(str)]


class Source(Component):
    """A place that samples come from; `open()` gives a reader."""

    def fingerprint(self) -> str:
        """Return what changes when the data changes: sizes and times of the files, or the parameters.

        Cheap: reads no content. Raises `ProblemError` where a file is missing or unreadable (DAT302, DAT312).
        """
        raise NotImplementedError

    def files(self) -> Iterable[Path]:
        """Return the files that samples are read from, by name alone; none where nobody knows them."""
        path = getattr(self, "path", None)
        if not isinstance(path, Path):
            return []
        return sorted(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else [path]

    def open(self) -> Reader:
        """Open the source. Raises `ProblemError` for what is missing, empty, corrupt or malicious."""
        raise NotImplementedError
