"""Folders of samples: which files are read, what is passed over, which folders are splits."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from declare.contract.problem import Problem, ProblemError

SPLIT_NAMES: Mapping[str, str] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
"""What folders, files and tables of the three splits are called, in lower case."""
SPLIT_ORDER = ("train", "val", "test")
_SYSTEM = frozenset(
    {"__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found"}
    | {"thumbs.db", "ehthumbs.db", "desktop.ini"}
)
_DEEPEST = 32
_MOST = 10_000_000
"""Entries of a folder and of all below it; more are links that lead to each other."""


def split_of(name: str) -> str | None:
    """Return the split that a folder, file or table of this name holds, None where it names none."""
    return SPLIT_NAMES.get(name.strip().lower())


def splits_named_in(name: str) -> set[str]:
    """Return the splits whose words are parts of a name, as in `seg_train`, `Test set` and `val2017`."""
    return {SPLIT_NAMES[word] for word in re.split(r"[\W\d_]+", name.lower()) if word in SPLIT_NAMES}


def folders_like_splits(names: Collection[tuple[str, ...]]) -> list[str]:
    """Return the folders at the top that may be splits by parts of their names; `names` are the parts of paths.

    Those are folders that name different splits, or ones that hold the same folders as another one does.
    """
    inner = _inner(names)
    named = {name: splits for name in sorted(inner) if (splits := splits_named_in(name))}
    different = len(named) > 1 and len(set().union(*named.values())) > 1
    alike = Counter(frozenset(folders) for folders in inner.values() if folders)
    return [name for name in named if different or alike[frozenset(inner[name])] > 1]


def splits_inside(names: Collection[tuple[str, ...]]) -> list[str]:
    """Return the folders inside of those at the top that name splits, where each of these holds such folders."""
    inner = _inner(names)
    held = [{name for name in folders if splits_named_in(name)} for folders in inner.values()]
    found = sorted(set().union(*held))
    several = len(found) > 1 and len({split for name in found for split in splits_named_in(name)}) > 1
    return found if several and all(held) else []


def _inner(names: Collection[tuple[str, ...]]) -> dict[str, set[str]]:
    """Return the folders at the top, each with the folders in it."""
    inner: dict[str, set[str]] = {}
    for parts in names:
        if len(parts) > 1:
            inner.setdefault(parts[0], set()).update(parts[1:-1][:1])
    return inner


@dataclass(frozen=True)
class Listing:
    """The files below a folder that are read, in the order of their paths; how many others there are, by reason."""

    files: tuple[Path, ...]
    passed_over: dict[str, int]


def list_files(root: Path, suffixes: Collection[str]) -> Listing:
    """Return the regular files below `root` whose ending (any case) is one of `suffixes`.

    Links are followed, but for those that lead back to a folder that they stand in. Raises `ProblemError` DAT312 for
    a folder that may not be read, DAT335 for links without end.
    """
    walk = _Walk(root, frozenset(suffixes))
    walk.enter(root, ())
    return Listing(tuple(sorted(walk.files)), dict(sorted(walk.passed_over.items())))


class _Walk:
    """A walk through a folder: the files found so far, and counts of what was passed over."""

    def __init__(self, root: Path, suffixes: frozenset[str]) -> None:
        self._root, self._suffixes = root, suffixes
        self._entries = 0
        self.files: list[Path] = []
        self.passed_over: Counter[str] = Counter()

    def enter(self, folder: Path, above: tuple[tuple[int, int], ...]) -> None:
        """Take the files of a folder and of those in it; `above` are the folders on the way to it."""
        stat = folder.stat()
        here = (*above, (stat.st_dev, stat.st_ino))
        before = len(self.files)
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise ProblemError(_closed(self._root, folder, error)) from None
        self._entries += len(entries)
        if len(here) > _DEEPEST or self._entries > _MOST:
            raise ProblemError(_endless(self._root, folder))
        for entry in entries:
            self._take(entry, here)
        if len(self.files) == before and folder != self._root:
            self.passed_over["empty folders"] += 1

    def _take(self, entry: os.DirEntry[str], here: tuple[tuple[int, int], ...]) -> None:
        reason = self._reason(entry, here)
        if reason:
            self.passed_over[reason] += 1
        elif entry.is_dir():
            self.enter(Path(entry.path), here)
        else:
            self.files.append(Path(entry.path))

    def _reason(self, entry: os.DirEntry[str], here: tuple[tuple[int, int], ...]) -> str:
        """Return why an entry is passed over, empty where it is not; only links are asked for what they lead to."""
        if entry.name.startswith("."):
            return "hidden"
        if entry.name.lower() in _SYSTEM:
            return "of the system"
        if entry.is_symlink() and not os.path.exists(entry.path):  # noqa: PTH110 - a million of them
            return "links that lead nowhere"
        if entry.is_dir():
            stat = entry.stat()
            return "links that lead back" if (stat.st_dev, stat.st_ino) in here else ""
        suffix = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122 - a million of them
        if suffix not in self._suffixes:
            return f"other files ({suffix or 'no ending'})"
        return "" if entry.is_file() else "no regular files"


@dataclass(frozen=True)
class SplitFiles:
    """Files in the order of the splits that they belong to, the rows of each split, and what is passed over."""

    files: tuple[Path, ...]
    splits: dict[str, tuple[int, int]]
    passed_over: dict[str, int]


def by_split(root: Path, files: Sequence[Path]) -> SplitFiles:
    """Return the files below the split folders of `root`; the others are passed over."""
    of = {file: split_of(file.relative_to(root).parts[0]) for file in files}
    ordered: list[Path] = []
    splits: dict[str, tuple[int, int]] = {}
    for name in SPLIT_ORDER:
        own = [file for file in files if of[file] == name and len(file.relative_to(root).parts) > 1]
        if own:
            splits[name] = (len(ordered), len(ordered) + len(own))
            ordered += own
    kept = set(ordered)
    others = Counter(
        f"in `{parts[0]}`" if len(parts) > 1 else "beside the split folders"
        for parts in (file.relative_to(root).parts for file in files if file not in kept)
    )
    return SplitFiles(tuple(ordered), splits, dict(others))


def split_folders_unclear(
    root: Path, because: str, notes: Sequence[str], choices: Mapping[str, str], helps: Sequence[str] = ()
) -> Problem:
    """Return the finding that folders have the names of splits and may be something else.

    `choices` are the values of `layout` that settle it, each with when it is right; `helps` say what else does.
    """
    return Problem(
        "DAT323",
        because,
        at="source",
        label="splits, or not?",
        notes=(f"looked in `{root}`", *notes),
        helps=(*(f"say `layout: {choice}` where {when}" for choice, when in choices.items()), *helps),
    )


def _closed(root: Path, folder: Path, error: OSError) -> Problem:
    return Problem(
        "DAT312",
        f"`{folder.name}` in `{root.name}` cannot be read",
        at="source.path",
        label="a folder is closed",
        notes=(f"`{folder}`: {(error.strerror or str(error)).lower()}",),
        helps=("allow reading it, or move it elsewhere",),
    )


def _endless(root: Path, folder: Path) -> Problem:
    return Problem(
        "DAT335",
        f"`{root.name}` holds folders without end",
        at="source.path",
        label="links lead to each other",
        notes=(f"limits: {_DEEPEST} levels, {_MOST:,} entries; reached in `{folder}`"[:300],),
        helps=("remove the links inside of the folder",),
    )
