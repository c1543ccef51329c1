"""Folders and files that are splits by their names: the rows of each split, and what their names leave open."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path, PurePath
from typing import NamedTuple

from declare.contract.files.listing import SPLIT_ORDER, SPLIT_WORD, split_of, splits_named_in
from declare.contract.problem import Problem, ProblemError

Names = Collection[tuple[str, ...]]
"""The parts of the paths of files below a folder."""


class Layouts(NamedTuple):
    """What a source calls the folders at the top, how that is stated, and the layout of samples in splits."""

    thing: str
    whole: str
    lay_out: str


def top_name(parts: Sequence[str]) -> str:
    """Return what a file is grouped by: the folder at the top, or its own name without its ending."""
    return parts[0] if len(parts) > 1 else PurePath(parts[0]).stem


def folders_like_splits(names: Names) -> list[str]:
    """Return the folders at the top that may be splits by parts of their names.

    Those are folders that name different splits, or ones that hold the same folders as another one does.
    """
    inner = inner_folders(names)
    named = {name: splits for name in sorted(inner) if (splits := splits_named_in(name))}
    different = len(named) > 1 and len(set().union(*named.values())) > 1
    alike = Counter(frozenset(folders) for folders in inner.values() if folders)
    return [name for name in named if different or alike[frozenset(inner[name])] > 1]


def files_like_splits(names: Names) -> list[str]:
    """Return the files at the top whose names differ in the word of a split alone (`a.train.txt`, `a.test.txt`)."""
    alike: dict[str, list[str]] = {}
    for name in sorted({parts[0] for parts in names if len(parts) == 1}):
        if splits_named_in(top_name((name,))):
            alike.setdefault(SPLIT_WORD.sub("*", name.lower()), []).append(name)
    return [name for group in alike.values() if len(_splits_of(group)) > 1 for name in group]


def splits_inside(names: Names) -> list[str]:
    """Return the folders named like splits inside the top-level folders, if each of these has some."""
    inner = inner_folders(names)
    named = [{name for name in folders if splits_named_in(name)} for folders in inner.values()]
    split_names = sorted(set().union(*named))
    return split_names if len(_splits_of(split_names)) > 1 and all(named) else []


def folder_of_splits(names: Names) -> str:
    """Return the path of the one folder that contains all files and has split folders; empty if there is none."""
    folders = [parts[:-1] for parts in names]
    low, high = min(folders, default=()), max(folders, default=())
    common = [name for name, _ in takewhile(lambda pair: pair[0] == pair[1], zip(low, high, strict=False))]
    depth_of_splits = next((depth for depth, name in enumerate(common) if split_of(name)), len(common))
    inside = {top_name(parts[depth_of_splits:]) for parts in names}
    return "/".join(common[:depth_of_splits]) if depth_of_splits and any(map(split_of, inside)) else ""


def _splits_of(names: Iterable[str]) -> set[str]:
    return {split for name in names for split in splits_named_in(name)}


def inner_folders(names: Names) -> dict[str, set[str]]:
    """Return the folders at the top, each with the folders in it."""
    inner: dict[str, set[str]] = {}
    for parts in names:
        if len(parts) > 1:
            inner.setdefault(parts[0], set()).update(parts[1:-1][:1])
    return inner


@dataclass(frozen=True)
class SplitFiles:
    """Files in the order of their splits, the rows of each split, and what is skipped."""

    files: tuple[Path, ...]
    splits: dict[str, tuple[int, int]]
    passed_over: dict[str, int]


def by_split(root: Path, files: Sequence[Path]) -> SplitFiles:
    """Return the files of the splits below `root`, in folders or named by their split; the others are skipped.

    Raises `ProblemError` DAT323 if two names stand for one split.
    """
    parts = {file: file.relative_to(root).parts for file in files}
    refuse_two_names(root.name, sorted(set(map(top_name, parts.values()))), "source")
    of = {file: split_of(top_name(parts[file])) for file in files}
    ordered: list[Path] = []
    splits: dict[str, tuple[int, int]] = {}
    for name in SPLIT_ORDER:
        of_split = [file for file in files if of[file] == name]
        if of_split:
            splits[name] = (len(ordered), len(ordered) + len(of_split))
            ordered += of_split
    others = Counter(
        f"in `{parts[file][0]}`" if len(parts[file]) > 1 else "next to the split folders"
        for file in files
        if of[file] is None
    )
    return SplitFiles(tuple(ordered), splits, dict(others))


def refuse_two_names(origin: str, names: Iterable[str], at: str) -> None:
    """Raise `ProblemError` DAT323 if two of the names in `origin` mean the same split (`val` and `valid`)."""
    first: dict[str, str] = {}
    for name in names:
        split = split_of(name)
        if split is None:
            continue
        if first.setdefault(split, name) != name:
            raise ProblemError(
                Problem(
                    "DAT323",
                    (
                        f"`{first[split][:24]}` and `{name[:24]}` of `{origin[:40]}` are two names of one "
                        "split"
                    ),
                    at=at,
                    label="one split, or two?",
                    notes=(f"both mean `{split}`",),
                    helps=("put the samples of both under one name, or rename one of them",),
                )
            )


def unclear_splits(root: Path, names: Names, layouts: Layouts) -> Problem | None:
    """Return the finding (DAT323) that folders or files may be splits in a way that is never read as such.

    One folder around all split folders, splits inside of each folder, names that only hold the word of a split.
    None if there is nothing of that kind below `root`.
    """
    if around := folder_of_splits(names):
        there = f"splits are in `{around}`, which contains all files"
        helps = [f"state the folder that contains the splits: `path: .../{root.name}/{around}`"]
        return _like_splits(root, around, there, (layouts, helps))
    lay_out = [f"lay the files out as {layouts.lay_out} if they are splits"]
    if inside := splits_inside(names):
        top = min(parts[0] for parts in names if len(parts) > 1)
        where = f"{_list_names(inside)} are in each top-level folder, such as `{top}`"
        return _like_splits(root, inside[0], where, (layouts, lay_out))
    if any(split_of(top_name(parts)) for parts in names):
        return None
    if alike := folders_like_splits(names) or files_like_splits(names):
        where = f"{_list_names(alike)} are at the top, and their names contain a split's"
        return _like_splits(root, alike[0], where, (layouts, lay_out))
    return None


def _list_names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names[:4])


def _like_splits(root: Path, name: str, note: str, how: tuple[Layouts, Sequence[str]]) -> Problem:
    layouts, helps = how
    title = f"`{name[:40]}` may be a split or {layouts.thing}"
    return split_folders_unclear(root, title, [note], [layouts.whole, *helps])


def split_folders_unclear(root: Path, because: str, notes: Sequence[str], helps: Sequence[str]) -> Problem:
    """Return the finding that folders have the names of splits and may be something else; `helps` settle it."""
    return Problem(
        "DAT323",
        because,
        at="source",
        label="splits, or not?",
        notes=(f"looked in `{root}`", *notes),
        helps=tuple(helps),
    )
