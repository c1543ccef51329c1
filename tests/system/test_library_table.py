"""Tables of libraries: read as they are for their version, asked in a process of its own for another."""

from __future__ import annotations

import json
import subprocess

import pytest

from declare.system import library_table
from declare.system.library_table import LibraryTable, dump

RECORDS = {"one": {"size": 1}, "two": {"size": 2}}
TRANSFORMS = "declare.components.transforms._introspect"


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Return a maker of tables of version 1.0, while version `installed` is installed."""
    monkeypatch.setenv("DECLARE_CACHE_DIR", str(tmp_path / "cache"))

    def made(installed: str, introspection: str = TRANSFORMS) -> LibraryTable:
        path = tmp_path / "table.json"
        path.write_text(dump({"torchvision": "1.0"}, RECORDS, measured_with={"torch": "2"}), encoding="utf-8")
        monkeypatch.setattr(library_table, "installed_version", lambda _: installed)
        return LibraryTable(path, introspection, ("torchvision",))

    return made


def test_its_own_version_is_answered_from_the_file(make):
    """Records and names are those of the file; one record is read without the others."""
    table = make("1.0")
    assert table.is_current()
    assert table.records() == RECORDS
    assert table.record("two") == {"size": 2}
    assert table.record("three") is None


def test_another_version_is_asked_once_in_another_process(make, monkeypatch):
    """The library's own answer is kept in the cache, so that the next command asks nothing."""
    found = make("2.0").records()
    assert found["random_horizontal_flip"]["class"] == "RandomHorizontalFlip"
    monkeypatch.setattr(LibraryTable, "_ask", lambda _: pytest.fail("asked again"))
    assert make("2.0").records() == found


def test_a_broken_cache_is_asked_again(make, monkeypatch, tmp_path):
    """What cannot be read in the cache is no answer."""
    monkeypatch.setattr(LibraryTable, "_ask", lambda _: json.dumps({"three": {}}))
    assert dict(make("2.0").records()) == {"three": {}}
    (kept,) = (tmp_path / "cache" / "libraries").iterdir()
    kept.write_text("{")
    with pytest.warns(UserWarning, match="a damaged entry of the cache"):
        assert dict(make("2.0").records()) == {"three": {}}


def test_a_library_that_cannot_be_asked_is_said(make, monkeypatch):
    """The table stands in for a version that cannot be examined, with a warning that names both."""

    def fail(_: LibraryTable) -> str:
        raise subprocess.CalledProcessError(1, "python", stderr=b"Traceback\nImportError: moved")

    monkeypatch.setattr(LibraryTable, "_ask", fail)
    with pytest.warns(UserWarning, match=r"torchvision 2\.0 .*ImportError: moved.*torchvision 1\.0"):
        assert make("2.0").records() == RECORDS


def test_builds_of_a_version_are_one_version(monkeypatch):
    """`0.29.1+cu130` is 0.29.1; a library that is missing has no version."""
    monkeypatch.setattr(library_table, "version", lambda _: "0.29.1+cu130")
    assert library_table.installed_version("torchvision") == "0.29.1"
    monkeypatch.undo()
    assert library_table.installed_version("no_such_library") is None
