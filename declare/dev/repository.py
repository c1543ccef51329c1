"""Where the repository is: the developers' commands work on it, whatever the current folder."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The folder that holds `declare/`, `tests/` and `pyproject.toml`."""


def relative_path(path: Path) -> str:
    """Return `path` relative to the repository."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
