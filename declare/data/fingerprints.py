"""Fingerprints of what a dataset reads. Numpy-free."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from declare.contract.source import Source

SPLITS = ("train", "val", "test")


def source_fingerprint(source: Source, split: Mapping[str, Any]) -> str:
    """Return the fingerprint of a source and of the files that its splits name."""
    files = [split[name] for name in SPLITS if isinstance(split.get(name), str | Path)]
    parts = [] if isinstance(split.get("train"), str | Path) else [source.fingerprint()]
    parts += [source.model_copy(update={"path": Path(path)}).fingerprint() for path in files]
    return "+".join(parts)
