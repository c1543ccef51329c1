"""Numbered files that are parts of one recording: frames of a clip, slices of a scan."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

_LEAST_FILES, _LEAST_SHARE = 3, 0.8
"""Files of a sequence, and the fraction of all files that must be in sequences."""
_NUMBER = re.compile(r"\d+$")


def sequences_of(names: Sequence[str], classes: Sequence[str]) -> list[str] | None:
    """Return the path without the last number of each file, if these look like recordings; else None.

    `classes` are the class folders of the files, or empty texts. `a/clip03_0001.png` and `a/clip03/0001.png` are of
    the recordings `a/clip03_` and `a/clip03/`. Most files must be in such sequences of at least three, whose names
    have a number beside that of the class, or the word `frame` or `slice`; a class that is one sequence has none.
    """
    keys = [_NUMBER.sub("", str(PurePosixPath(name).with_suffix(""))) for name in names]
    sizes = Counter(keys)
    by_class: defaultdict[str, set[str]] = defaultdict(set)
    for key, label in zip(keys, classes, strict=True):
        by_class[label].add(key)

    def is_recording(key: str, label: str) -> bool:
        inner = key.removeprefix(label) if label else key
        if re.search(r"frame|slice", PurePosixPath(inner + "0").name.lower()):
            return True
        return len(by_class[label]) > 1 and any(map(str.isdigit, inner))

    number = sum(
        sizes[key] >= _LEAST_FILES and key != name and is_recording(key, label)
        for key, name, label in zip(keys, names, classes, strict=True)
    )
    return keys if len(sizes) > 1 and number >= _LEAST_SHARE * len(names) else None
