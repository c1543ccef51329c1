"""Generated files: every module in `generators/` defines its outputs; the folder is the list.

A generator has `outputs() -> dict[Path, str]` (absolute path -> text). One that takes minutes also has
`SLOW = "why"`: it runs with `generate --all` only, and `check` does not compare its files.
"""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

from declare.dev import generators
from declare.dev.repository import relative_path


def _generators(*, slow: bool) -> Iterator[ModuleType]:
    for item in sorted(pkgutil.iter_modules(generators.__path__), key=lambda item: item.name):
        if item.name.startswith("_"):
            continue
        module = import_module(f"{generators.__name__}.{item.name}")
        if slow or not hasattr(module, "SLOW"):
            yield module


def outputs(*, slow: bool = False) -> dict[Path, str]:
    """Return the text of every generated file."""
    files: dict[Path, str] = {}
    for module in _generators(slow=slow):
        files |= module.outputs()
    return files


def generated_folders() -> list[Path]:
    """Return the folders in which every file is generated, so that a file without a generator is stale."""
    return [folder for module in _generators(slow=False) for folder in getattr(module, "OWNS", ())]


def stale() -> list[str]:
    """Return which files differ from what would be written now, are missing, or have no source any more."""
    wanted = outputs()
    wrong = [f"{relative_path(path)} is stale" for path, text in wanted.items() if _read(path) != text]
    orphans = [
        path
        for folder in generated_folders()
        for path in folder.rglob("*")
        if path.is_file() and path not in wanted
    ]
    return wrong + [f"{relative_path(path)} has no source any more" for path in sorted(orphans)]


def generate(*, slow: bool) -> int:
    """Write what changed and remove what has no source any more; returns an exit code."""
    wanted = outputs(slow=slow)
    changed = [path for path, text in wanted.items() if _read(path) != text]
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8", newline="\n")
        print(f"wrote {relative_path(path)}")
    orphans = [
        path
        for folder in generated_folders()
        for path in folder.rglob("*")
        if path.is_file() and path not in wanted
    ]
    for path in orphans:
        path.unlink()
        print(f"removed {relative_path(path)}")
    print(f"{len(wanted)} generated files, {len(changed)} written, {len(orphans)} removed")
    return 0


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
