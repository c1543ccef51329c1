"""Generated files: written, found stale, removed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from declare.dev import generate


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that one generator owns; it writes `a.txt`."""
    module = SimpleNamespace(OWNS=(tmp_path,), outputs=lambda: {tmp_path / "a.txt": "text\n"})
    monkeypatch.setattr(generate, "_generators", lambda *, slow: iter([module]))
    return tmp_path


def test_generate_writes_and_removes(folder: Path) -> None:
    """What is missing is written, what has no source any more is removed, and then nothing is stale."""
    (folder / "old.txt").write_text("gone")
    assert generate.generate(slow=False) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt"]
    assert generate.stale() == []


def test_stale_names_what_is_wrong(folder: Path) -> None:
    """A changed file and one without a source are both named."""
    (folder / "a.txt").write_text("edited by hand\n")
    (folder / "old.txt").write_text("gone")
    found = generate.stale()
    assert [line.rpartition("/")[2] for line in found] == ["a.txt is stale", "old.txt has no source any more"]
