"""A folder of pictures, a folder for each class."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from declare.contract.data import Reader
from declare.contract.problem import Problem, ProblemError
from declare.contract.source import Source, SpecPath

if TYPE_CHECKING:
    import numpy as np

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}


class ImageFolder(Source):
    """Pictures in `CLASS/any/depth/name.jpg`, or in `train/CLASS/...`, `val/CLASS/...`, `test/CLASS/...`.

    Gives `image`, `label` (the class folder's name) and `file` (the path inside the folder). Hidden files and
    folders and files of other types are passed over. Where split folders exist they are the split.

    Example:
        ```yaml
        source: {type: image_folder, path: pictures}
        ```
    """

    path: SpecPath

    def fingerprint(self) -> str:
        """Return a hash of names, sizes and times of the pictures."""
        digest = hashlib.sha256()
        for file in self._files():
            stat = file.stat()
            digest.update(f"{file.relative_to(self.path)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
        return f"{self.path} {digest.hexdigest()}"

    def files(self) -> list[Path]:
        """Return the pictures."""
        return self._files()

    def open(self) -> Reader:
        """List the pictures; raises `ProblemError` DAT302 or DAT312 where there are none."""
        return _FolderReader(self.path, self._files())

    def _files(self) -> list[Path]:
        if not self.path.is_dir():
            raise ProblemError(
                Problem(
                    "DAT312",
                    f"`{self.path.name}` is no folder",
                    at="source.path",
                    label="no such data",
                    notes=(f"looked for `{self.path}`",),
                    helps=("correct the path; relative ones start at the file that states them",),
                )
            )
        found = sorted(file for file in self.path.rglob("*") if self._is_picture(file))
        if not found:
            raise ProblemError(
                Problem(
                    "DAT302",
                    f"`{self.path.name}` holds no picture in a class folder",
                    at="source.path",
                    label="0 pictures",
                    notes=(f"endings read: {', '.join(sorted(SUFFIXES))}",),
                    helps=("lay the pictures out as CLASS/name.jpg",),
                )
            )
        return found

    def _is_picture(self, file: Path) -> bool:
        parts = file.relative_to(self.path).parts
        hidden = any(part.startswith(".") for part in parts)
        return not hidden and len(parts) > 1 and file.suffix.lower() in SUFFIXES and file.is_file()


class _FolderReader:
    """Pictures by path; they are decoded by the field."""

    def __init__(self, root: Path, files: Sequence[Path]) -> None:
        names = [file.relative_to(root).parts for file in files]
        split_folders = {parts[0] for parts in names}
        is_split = "train" in {SPLITS.get(name.lower()) for name in split_folders} and all(
            name.lower() in SPLITS and len(parts) > 2 for parts in names for name in parts[:1]
        )
        if is_split:
            order = sorted(
                range(len(files)), key=lambda i: list(SPLITS.values()).index(SPLITS[names[i][0].lower()])
            )
            files, names = [files[i] for i in order], [names[i] for i in order]
        self._files = list(files)
        self._labels = [parts[1 if is_split else 0] for parts in names]
        self._names = ["/".join(parts) for parts in names]
        self.num_samples = len(self._files)
        self.columns: Sequence[str] = ("image", "label", "file")
        self.splits: Mapping[str, tuple[int, int]] = _ranges(names) if is_split else {}

    def known_fields(self) -> dict[str, dict[str, Any]]:
        """Return the picture and its class."""
        return {"image": {"type": "image"}, "label": {"type": "category"}}

    def is_light(self, column: str) -> bool:
        """All but the pictures are known from names."""
        return column != "image"

    def read(self, column: str, rows: np.ndarray[Any, Any] | None = None) -> Any:
        """Return paths, labels or names."""
        known: dict[str, list[Any]] = {"image": self._files, "label": self._labels, "file": self._names}
        values = known[column]
        return values if rows is None else [values[int(row)] for row in rows]

    def where(self, row: int) -> str:
        """Return the picture's path inside the folder."""
        return self._names[row]


def _ranges(names: Sequence[tuple[str, ...]]) -> dict[str, tuple[int, int]]:
    """Return the rows of each split; names are in the order of the splits."""
    places = [SPLITS[parts[0].lower()] for parts in names]
    return {
        name: (places.index(name), places.index(name) + places.count(name)) for name in dict.fromkeys(places)
    }
