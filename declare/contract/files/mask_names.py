"""Masks by their names: files and folders that look like the masks of other images."""

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath

Parts = tuple[str, ...]
"""The parts of a path below a folder."""
_MASKS = frozenset(
    {"mask", "masks", "label", "labels", "annotation", "annotations", "gt", "groundtruth", "truth"}
    | {"seg", "segmentation", "segmentations", "segmentationclass", "segmentationobject"}
)
_IMAGES = frozenset(
    {"image", "images", "img", "imgs", "picture", "pictures", "photo", "photos", "original", "originals"}
    | {"input", "inputs", "frame", "frames", "scan", "scans", "jpegimages", "rgb"}
)
_LEAST_SHARE = 0.5
"""Fraction of files named as masks that must belong to an image."""


def mask_of_image(names: Sequence[Parts]) -> tuple[Parts, Parts] | None:
    """Return the first file that looks like the mask of another one, and that one; None if there is none.

    Files in `masks` are masks if a folder `images` is next to it; `b/1_mask.png` is that of `a/1.png`, if at least
    half of the files named as masks belong to an image. A folder `mask` without such a neighbour may be a class.
    """
    twins = _mask_folders({parts[:-1] for parts in names})
    if twins:
        first = {parts[:-1]: parts for parts in reversed(names)}
        mask, image = next(iter(twins.items()))
        return first[mask], first[image]
    stems = [(parts, _name_parts(PurePath(parts[-1]).stem)) for parts in names]
    images = {_subject(stem): parts for parts, stem in reversed(stems) if not _MASKS.intersection(stem)}
    masks = [(parts, _subject(stem)) for parts, stem in stems if _MASKS.intersection(stem)]
    pairs = [(parts, images[subject]) for parts, subject in masks if subject in images]
    return pairs[0] if pairs and len(pairs) >= _LEAST_SHARE * len(masks) else None


def _mask_folders(folders: Iterable[Parts]) -> dict[Parts, Parts]:
    """Return the folders with names of masks, each with the folder of images whose name is the same otherwise."""
    words = {folder: [_name_parts(name) for name in folder] for folder in sorted(folders) if folder}
    masks = {folder for folder, parts in words.items() if any(map(_MASKS.intersection, parts))}
    images = {
        _subjects(parts): folder
        for folder, parts in words.items()
        if folder not in masks and any(map(_IMAGES.intersection, parts))
    }
    return {folder: images[key] for folder in sorted(masks) if (key := _subjects(words[folder])) in images}


def _subjects(parts: Sequence[Parts]) -> tuple[Parts, ...]:
    return tuple(map(_subject, parts))


def _subject(words: Parts) -> Parts:
    """Return words without those that stand for masks or images."""
    return tuple(word for word in words if word not in _MASKS | _IMAGES)


def _name_parts(name: str) -> Parts:
    """Return the words and numbers of a name, in lower case."""
    return tuple(re.findall(r"[^\W_]+", name.lower()))
