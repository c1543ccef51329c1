"""Fingerprints of what a dataset reads. Numpy-free."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from declare.contract.problem import ProblemError
from declare.contract.source import Source

SPLITS = ("train", "val", "test")


def source_fingerprint(source: Source, split: Mapping[str, Any]) -> str:
    """Return the fingerprint of a source and of the files that its splits name."""
    files = {name: split[name] for name in SPLITS if isinstance(split.get(name), str | Path)}
    parts = [] if isinstance(split.get("train"), str | Path) else [source.fingerprint()]
    for name, path in files.items():
        with at_file(name):
            parts.append(source.model_copy(update={"path": Path(path)}).fingerprint())
    return "+".join(parts)


@contextmanager
def at_file(split: str) -> Iterator[None]:
    """Put problems with the file of a split where the split names it."""
    try:
        yield
    except ProblemError as error:
        raise ProblemError(*(replace(item, at=f"split.{split}") for item in error.problems)) from None
