"""Rooms: folders that a reader can hold in mind."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2] / "declare"
ONE_THING_ONE_FILE = (
    "cli/commands",
    "compiler/passes",
    "components/*",
    "contract/kinds",
    "diagnostics/render",
    "nn/*",
    "report/render",
    "rules/*",
)
"""Folders that are registries, or twins of one."""
LIMIT = 12


def test_folders_hold_at_most_twelve_files() -> None:
    """Files side by side, `__init__.py` left out; registries hold as many as there are things."""
    crowded = {}
    for folder in (path for path in ROOT.rglob("*") if path.is_dir()):
        name = folder.relative_to(ROOT).as_posix()
        files = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        if len(files) > LIMIT and not any(fnmatch(name, pattern) for pattern in ONE_THING_ONE_FILE):
            crowded[name] = len(files)
    assert crowded == {}


def test_each_registry_is_there() -> None:
    """An exception that no folder needs is taken out of the list."""
    folders = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if path.is_dir()]
    assert not [item for item in ONE_THING_ONE_FILE if not any(fnmatch(name, item) for name in folders)]
