"""Folders of samples: which files are read or skipped, and the names of splits."""

import os
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from declare.contract.problem import Problem, ProblemError
from declare.diagnostics.output import printable

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
SPLIT_WORD = re.compile(rf"(?<![^\W\d_])({'|'.join(SPLIT_NAMES)})(?:set|data)?(?![^\W\d_])")
"""The word of a split between marks, blanks and digits, in lower case."""
_SYSTEM = frozenset(
    {"__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found"}
    | {"thumbs.db", "ehthumbs.db", "desktop.ini"}
)
_DEEPEST = 32
_MOST_MATCHED = 1_000_000
_MOST_VISITS = 1000
"""How many links may lead to one folder: links to links make any number of ways through a few folders."""
_MOST = 10_000_000
"""Entries of a folder and of all below it; more are links that lead to each other."""


def split_of(name: str) -> str | None:
    """Return the split that a folder, file or table name denotes; None if it denotes none."""
    return SPLIT_NAMES.get(name.strip().lower())


def splits_named_in(name: str) -> set[str]:
    """Return the splits whose words are parts of a name, as in `seg_train`, `TestSet` and `val2017`."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return {SPLIT_NAMES[word] for word in SPLIT_WORD.findall(words)}


@dataclass(frozen=True)
class Listing:
    """The files below a folder that are read, in the order of their paths; how many others there are, by reason."""

    files: tuple[Path, ...]
    passed_over: dict[str, int]


def list_files(root: Path, suffixes: Collection[str]) -> Listing:
    """Return the regular files below `root` whose ending (any case) is one of `suffixes`.

    Links are followed, but for those that lead back to a folder that they are in. Raises `ProblemError` DAT312 for
    a folder that may not be read, DAT335 for links without end.
    """
    walk = _Walk(root, frozenset(suffixes))
    walk.enter(root, ())
    return Listing(tuple(sorted(walk.files)), dict(sorted(walk.passed_over.items())))


class _Walk:
    """A walk through a folder: the files found so far, and counts of what was skipped."""

    def __init__(self, root: Path, suffixes: frozenset[str]) -> None:
        self._root, self._suffixes = root, suffixes
        self._entries = 0
        self._visits: Counter[tuple[int, int]] = Counter()
        self.files: list[Path] = []
        self.passed_over: Counter[str] = Counter()

    def enter(self, folder: Path, above: tuple[tuple[int, int], ...]) -> None:
        """Take the files of a folder and of those in it; `above` are the folders on the way to it."""
        before = len(self.files)
        try:
            stat = folder.stat()
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise ProblemError(_permission_problem(self._root, folder, error)) from None
        identity = (stat.st_dev, stat.st_ino)
        here = (*above, identity)
        self._entries += len(entries)
        self._visits[identity] += 1
        if len(here) > _DEEPEST or self._entries > _MOST or self._visits[identity] > _MOST_VISITS:
            raise ProblemError(_endless(self._root, folder))
        for entry in entries:
            self._take(entry, here)
        if len(self.files) == before and folder != self._root:
            self.passed_over["empty folders"] += 1

    def _take(self, entry: os.DirEntry[str], here: tuple[tuple[int, int], ...]) -> None:
        reason = self._reason(entry, here)
        if not reason:
            refuse_odd_name(self._root, entry.name)
        if reason:
            self.passed_over[reason] += 1
        elif entry.is_dir():
            self.enter(Path(entry.path), here)
        else:
            self.files.append(Path(entry.path))

    def _reason(self, entry: os.DirEntry[str], here: tuple[tuple[int, int], ...]) -> str:
        """Return why an entry is skipped, else an empty text; only links are resolved."""
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
            return f"other files ({printable(suffix) or 'no ending'})"
        return "" if entry.is_file() else "no regular files"


def list_matching(root: Path, pattern: Sequence[str]) -> tuple[Path, ...]:
    """Return the regular files below `root` whose parts fit the parts of a pattern (`*`, `?`, `[]`, `**`), in order.

    `**` stands for any folders, links among them left out. Raises `ProblemError` DAT312 for a folder that may not be
    read, DAT335 for more entries than any data have.
    """
    matches = _Matches(root)
    matches.enter(root, tuple(pattern))
    return tuple(sorted(matches.files))


class _Matches:
    """A walk through the folders that a pattern leads to: the files found so far."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._entries = 0
        self.files: set[Path] = set()

    def enter(self, folder: Path, parts: tuple[str, ...]) -> None:
        """Take the files of a folder that fit the parts, and those of the folders that fit the first of them."""
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            raise ProblemError(_permission_problem(self._root, folder, error)) from None
        self._entries += len(entries)
        if self._entries > _MOST_MATCHED:
            raise ProblemError(_endless(self._root, folder))
        if parts[0] == "**" and len(parts) > 1:
            self.enter(folder, parts[1:])
        for entry in entries:
            self._take(entry, parts)

    def _take(self, entry: os.DirEntry[str], parts: tuple[str, ...]) -> None:
        if parts[0] == "**":
            if entry.is_dir(follow_symlinks=False):
                self.enter(Path(entry.path), parts)
        elif fnmatchcase(entry.name, parts[0]):
            if len(parts) > 1 and os.path.isdir(entry.path):  # noqa: PTH112 - a million of them
                self.enter(Path(entry.path), parts[1:])
            elif len(parts) == 1 and os.path.isfile(entry.path):  # noqa: PTH113 - a million of them
                refuse_odd_name(self._root, entry.path)
                self.files.add(Path(entry.path))


def refuse_odd_name(root: Path, name: str) -> None:
    """Raise `ProblemError` (DAT312) for a name that is not valid text, which plans cannot store."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ProblemError(
            Problem(
                "DAT312",
                f"a name in `{printable(root.name)}` is not valid text: `{printable(name)[-40:]}`",
                at="source.path",
                label="not UTF-8",
                helps=("rename it: file systems of other machines write letters otherwise (`convmv`)",),
            )
        ) from None


def _permission_problem(root: Path, folder: Path, error: OSError) -> Problem:
    return Problem(
        "DAT312",
        f"`{folder.name}` in `{root.name or root}` cannot be read",
        at="source.path",
        label="a folder is closed",
        notes=(f"`{folder}`: {(error.strerror or str(error)).lower()}",),
        helps=("allow reading it, or move it elsewhere",),
    )


def _endless(root: Path, folder: Path) -> Problem:
    return Problem(
        "DAT335",
        f"`{root.name}` contains an endless chain of folders",
        at="source.path",
        label="links lead to each other",
        notes=(f"limits: {_DEEPEST} levels, {_MOST:,} entries; reached in `{folder}`"[:300],),
        helps=("remove the links inside of the folder",),
    )
