"""Specs as files, and what the compiler says of them."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from declare.language.yaml.yaml_writer import block

Spec = dict[str, Any]
_NUMBERS = itertools.count()


def text_of(spec: Spec) -> str:
    """Return a spec as YAML."""
    return block(spec)


def written(spec: Spec, folder: Path | None = None) -> Path:
    """Return the path of a new file with a spec."""
    path = (folder or Path()) / f"spec{next(_NUMBERS)}.yaml"
    path.write_text(text_of(spec), encoding="utf-8")
    return path


def errors_of(spec: Spec) -> list[tuple[str, str]]:
    """Return the paths and codes of the errors in a spec."""
    from declare.compiler.pipeline import check

    path = written(spec)
    try:
        return [(found.path, found.code) for found in check(path).diagnostics if found.severity == "error"]
    finally:
        path.unlink()
