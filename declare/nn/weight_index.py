"""Weights in several files: the index of which file contains which tensor (`model.safetensors.index.json`)."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from declare.nn.safetensors_header import MOST_TENSORS, UnreadableError, regular_size

_LARGEST = 64 << 20


def is_index(path: Path) -> bool:
    """Return whether a file is an index by its name."""
    return path.name.endswith(".index.json")


def read_indexed(path: Path, read: Callable[[Path], Any]) -> dict[str, Any]:
    """Return the contents of the files of an index by name; `read` reads one of them.

    Raises `UnreadableError` for an index that names files elsewhere or lacking ones, and for tensors that are in
    another file than the index names.
    """
    entries: dict[str, Any] = {}
    for name, names_in_file in _names_by_file(path).items():
        file = path.parent / name
        if not file.is_file():
            raise UnreadableError(f"its file `{name[:80]}` is not there")
        try:
            content = read(file)
        except UnreadableError as error:
            raise UnreadableError(f"its file `{name[:80]}`: {error}") from None
        lacking = [key for key in names_in_file if not isinstance(content, Mapping) or key not in content]
        if lacking:
            raise UnreadableError(f"its file `{name[:80]}` has no `{lacking[0][:80]}`")
        entries |= {key: content[key] for key in names_in_file}
    return entries


def _names_by_file(path: Path) -> dict[str, list[str]]:
    """Return the names of tensors by file."""
    if regular_size(path) > _LARGEST:
        raise UnreadableError("it is too long for an index")
    try:
        places = dict(json.loads(path.read_bytes())["weight_map"])
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise UnreadableError("it is not an index of weights") from error
    if not places or len(places) > MOST_TENSORS:
        raise UnreadableError("it is not an index of weights")
    files: dict[str, list[str]] = defaultdict(list)
    for key, name in places.items():
        if not isinstance(name, str) or Path(name).name != name or is_index(Path(name)):
            raise UnreadableError(f"it names `{str(name)[:80]}`, which is not a file next to it")
        files[name].append(key)
    return dict(files)
