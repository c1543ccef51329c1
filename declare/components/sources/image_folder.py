"""A folder of images, with one folder for each class."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field as Param

from declare.contract.facts import Reader
from declare.contract.files.image_formats import SUFFIXES
from declare.contract.files.listing import Listing, list_files, split_of
from declare.contract.files.mask_names import mask_of_image
from declare.contract.files.sequences import sequences_of
from declare.contract.files.split_folders import (
    Layouts,
    by_split,
    inner_folders,
    split_folders_unclear,
    unclear_splits,
)
from declare.contract.kinds.source import Fingerprints, Source, SpecPath, is_folder, local_stamp
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array

_UNLABELLED = frozenset({"unlabeled", "unlabelled", "unsup", "unsupervised"})
Layout = Literal["class", "split/class"]
_LAYOUTS = Layouts(
    thing="a class",
    whole="state `layout: class` if every top-level folder is a class",
    lay_out="train/CLASS/name.jpg and test/CLASS/name.jpg",
)


class ImageFolder(Source):
    """Images in `CLASS/any/depth/name.jpg`, or in `train/CLASS/...`, `val/CLASS/...`, `test/CLASS/...`.

    Gives `image`, `label` (the name of the class folder), `file` (the path inside the folder) and `sequence`
    (that path without its last number: frames of one clip share it, for `split: {by: sequence}`). Every file
    type that Pillow decodes is read; links are followed. Folders named `train`, `val`, `valid`, `validation`,
    `dev` or `test` (any case) that contain class folders are the splits; images next to those have no class
    and are left out. If names are ambiguous, state `layout` (else DAT323): also for a class called `unlabelled`,
    and if every top-level folder contains the same folders. Masks next to images, by the names of files or
    folders, are DAT327. `dcl plan` and `dcl data check`
    count the files that are skipped: hidden files, other types, images without a class folder, empty
    folders.

    Example:
        ```yaml
        source: {type: image_folder, path: images}
        ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("images", "folder")

    path: SpecPath = Param(description="the folder of images")
    layout_: Layout | None = Param(
        None,
        alias="layout",
        description="what the top-level folders are: classes, or splits; default: by their names",
    )

    def fingerprint(self) -> str:
        """Return a hash of names, sizes and times of the images, and of the number of skipped files."""
        return self.fingerprints().portable

    def fingerprints(self) -> Fingerprints:
        """Return that hash and the stamp of the images, from one listing."""
        digest = hashlib.sha256()
        listing = self._listing()
        stats = [file.stat() for file in listing.files]
        for file, stat in zip(listing.files, stats, strict=True):
            digest.update(f"{file.relative_to(self.path)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
        digest.update(repr(listing.passed_over).encode())
        return Fingerprints(f"{self.path} {digest.hexdigest()}", local_stamp(stats))

    def files(self) -> list[Path]:
        """Return the images."""
        return list(self._listing().files)

    def open(self) -> Reader:
        """List the images; raises `ProblemError` DAT302 or DAT312 if there are none, DAT323 if it is ambiguous."""
        return _FolderReader(self.path, _arrange_classes(self.path, self._listing(), self.layout_))

    def _listing(self) -> Listing:
        if not is_folder(self.path):
            raise ProblemError(
                Problem(
                    "DAT312",
                    f"`{self.path.name}` is not a folder",
                    at="source.path",
                    label="no such data",
                    notes=(f"looked for `{self.path}`",),
                    helps=("correct the path; relative paths start at the file that states them",),
                )
            )
        return list_files(self.path, SUFFIXES)


@dataclass(frozen=True)
class _ClassFolders:
    """Images by split with their class, and what is skipped."""

    files: tuple[Path, ...]
    labels: tuple[str, ...]
    splits: dict[str, tuple[int, int]]
    passed_over: dict[str, int]


def _arrange_classes(root: Path, listing: Listing, layout: Layout | None) -> _ClassFolders:
    """Return the images of a folder with their classes; raises `ProblemError` DAT302 or DAT323."""
    parts = {file: file.relative_to(root).parts for file in listing.files}
    nested = (layout or _layout(root, list(parts.values()))) == "split/class"
    depth = 3 if nested else 2
    kept = [file for file in listing.files if len(parts[file]) >= depth]
    passed_over = Counter(listing.passed_over)
    for file in listing.files:
        if len(parts[file]) < depth:
            passed_over[_without_class(parts[file])] += 1
    if nested:
        split_files = by_split(root, kept)
        kept, splits = list(split_files.files), split_files.splits
        passed_over.update(split_files.passed_over)
    else:
        splits = {}
    if not kept:
        raise ProblemError(_no_images(root, passed_over, nested=nested))
    if layout is None:
        _refuse_masks([parts[file] for file in kept])
    labels = tuple(parts[file][depth - 2] for file in kept)
    return _ClassFolders(tuple(kept), labels, splits, dict(sorted(passed_over.items())))


def _refuse_masks(names: Sequence[tuple[str, ...]]) -> None:
    """Raise `ProblemError` DAT327 if images are masks of others by their names."""
    pair = mask_of_image(names)
    if pair is None:
        return
    mask, image = ("/".join(parts) for parts in pair)
    raise ProblemError(
        Problem(
            "DAT327",
            f"`{mask[-24:]}` may be the mask of `{image[-24:]}`",
            at="source",
            label="masks, or classes?",
            notes=("a folder of classes takes every image for a sample, and its folder for the class",),
            helps=(
                "name them in a csv file: `fields: {image: {type: image}, mask: {type: mask}}` are its columns",
                "state `layout: class` (or `split/class`) if they are images of classes",
            ),
        )
    )


def _without_class(parts: Sequence[str]) -> str:
    return (
        "images next to the class folders" if len(parts) == 1 else f"images without a class in `{parts[0]}`"
    )


def _layout(root: Path, names: Sequence[tuple[str, ...]]) -> Layout:
    """Return what the top-level folders are; raises `ProblemError` DAT323 if their names are ambiguous."""
    top = sorted({parts[0] for parts in names if len(parts) > 1})
    splits = [name for name in top if split_of(name)]
    if problem := unclear_splits(root, [parts for parts in names if len(parts) > 1], _LAYOUTS):
        raise ProblemError(problem)
    if not splits:
        _refuse_other_layouts(root, names)
        return "class"
    with_classes = {parts[0] for parts in names if len(parts) > 2}
    nested = [name for name in splits if name in with_classes]
    others = [name for name in top if name not in splits]
    unlabelled = [name for name in others if name not in with_classes]
    several = len({split_of(name) for name in nested}) > 1
    known = all(name.lower() in _UNLABELLED for name in others)
    if "train" in map(split_of, nested) and (known or (several and unlabelled == others)):
        _refuse_unlabelled(root, {parts[1] for parts in names if len(parts) > 2})
        return "split/class"
    raise ProblemError(_unclear(root, splits, others, nested))


def _refuse_unlabelled(root: Path, classes: Iterable[str]) -> None:
    """Raise `ProblemError` DAT323 if a class folder has a name that means "without a class"."""
    name = next((name for name in sorted(classes) if name.lower() in _UNLABELLED), None)
    if name is None:
        return
    notes = ["it would be learned as one more class"]
    helps = ["move it out of the folder", "state `layout` if it is a class"]
    title = f"`{name}` may be a class or images without a class"
    raise ProblemError(split_folders_unclear(root, title, notes, helps))


def _refuse_other_layouts(root: Path, names: Sequence[tuple[str, ...]]) -> None:
    """Raise `ProblemError` DAT323 if top-level folders may be no classes: unlabelled, or equal folders in each."""
    _refuse_unlabelled(root, {parts[0] for parts in names if len(parts) > 1})
    inner = inner_folders(names)
    first = next(iter(inner.values()), set())
    direct = any(len(parts) == 2 for parts in names)
    if direct or len(inner) < 2 or len(first) < 2 or any(folders != first for folders in inner.values()):
        return
    title = f"the classes of `{root.name[:40]}` may be one folder deeper"
    notes = [
        f"each top-level folder contains the folders {', '.join(f'`{name}`' for name in sorted(first)[:4])}"
    ]
    helps = [_LAYOUTS.whole, f"lay the images out as CLASS/name.jpg or {_LAYOUTS.lay_out}"]
    raise ProblemError(split_folders_unclear(root, title, notes, helps))


def _unclear(root: Path, splits: Sequence[str], others: Sequence[str], nested: Sequence[str]) -> Problem:
    words = ", ".join(f"`{name}`" for name in splits[:4])
    if not nested:
        notes = [f"{words} contain images, and no class folders"]
    elif "train" not in map(split_of, nested):
        notes = [
            (
                f"{', '.join(f'`{name}`' for name in nested)} contain class folders, but no folder is "
                "called `train`"
            )
        ]
    else:
        notes = [f"next to them are {', '.join(f'`{name}`' for name in others[:8])}"]
    return split_folders_unclear(
        root,
        f"`{splits[0]}` may be a split or a class",
        notes,
        [
            "state `layout: class` if every top-level folder is a class",
            "state `layout: split/class` if splits contain class folders",
        ],
    )


def _no_images(root: Path, passed_over: Mapping[str, int], *, nested: bool) -> Problem:
    others = ", ".join(f"{number:,} {what}" for what, number in passed_over.items())
    return Problem(
        "DAT302",
        f"`{root.name}` contains no image in a class folder",
        at="source.path",
        label="0 images",
        notes=(
            f"file types read: {', '.join(sorted(SUFFIXES))}",
            *((f"skipped: {others}",) if others else ()),
        ),
        helps=(f"arrange the images as {'SPLIT/' if nested else ''}CLASS/name.jpg",),
    )


class _FolderReader(Reader):
    """Images by path; they are decoded by the field."""

    def __init__(self, root: Path, arranged: _ClassFolders) -> None:
        self._files = list(arranged.files)
        self._labels = list(arranged.labels)
        self._names = ["/".join(file.relative_to(root).parts) for file in self._files]
        self.num_samples = len(self._files)
        depth = 2 if arranged.splits else 1
        classes = ["/".join(name.split("/")[:depth]) for name in self._names]
        sequences = sequences_of(self._names, classes)
        self._sequences = sequences or self._names
        self.grouping = "sequence" if sequences else ""
        self.columns: Sequence[str] = ("image", "label", "file", "sequence")
        self.splits: Mapping[str, tuple[int, int]] = arranged.splits
        self.passed_over: Mapping[str, int] = arranged.passed_over

    def known_fields(self) -> dict[str, dict[str, Any]]:
        """Return the image and its class."""
        return {"image": {"type": "image"}, "label": {"type": "category"}}

    def is_light(self, column: str) -> bool:
        """All but the images are known from names."""
        return column != "image"

    def read(self, column: str, rows: Array | None = None) -> Any:
        """Return paths, labels or names."""
        known: dict[str, list[Any]] = {"image": self._files, "label": self._labels, "file": self._names}
        known["sequence"] = self._sequences
        values = known[column]
        return values if rows is None else [values[int(row)] for row in rows]

    def where(self, row: int) -> str:
        """Return the image's path inside the folder."""
        return self._names[row]
