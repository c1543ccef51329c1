"""Starting a component."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from declare.contract import lookup
from declare.dev import scaffold


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder that the scaffold takes for the repository."""
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n\n### Added\n\n- old\n")
    monkeypatch.setattr(scaffold, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize("kind", lookup.kinds())
def test_every_kind_can_be_started(kind: str, repository: Path) -> None:
    """The component's file has a class of the kind's contract with all that the contract leaves open."""
    assert scaffold.scaffold(kind, "wobbly_thing") == 0
    path = repository / "declare" / "components" / kind / "wobbly_thing.py"
    classes = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]
    assert [node.name for node in classes] == ["WobblyThing"]
    assert (repository / "tests" / "components" / kind / "test_wobbly_thing.py").is_file()
    assert (repository / "declare" / "nn" / kind / "wobbly_thing.py").is_file() == (kind in scaffold._TWINS)


def test_changelog_gets_a_line(repository: Path) -> None:
    """The changelog names the new component first under what was added."""
    scaffold.scaffold("losses", "wobbly")
    assert "### Added\n\n- `wobbly` (loss).\n- old\n" in (repository / "CHANGELOG.md").read_text()


def test_nothing_is_overwritten(repository: Path) -> None:
    """A component that exists stays as it is."""
    path = repository / "declare" / "components" / "losses" / "mine.py"
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    assert scaffold.scaffold("losses", "mine") == 2
    assert path.read_text() == "mine"


@pytest.mark.parametrize("words", [("nothing", "x"), ("losses", "Bad-Name")])
def test_wrong_words_are_refused(words: tuple[str, str], repository: Path) -> None:
    """An unknown kind or a name that specs could not write makes no file."""
    assert scaffold.scaffold(*words) == 2
    assert not (repository / "declare" / "components").exists()
