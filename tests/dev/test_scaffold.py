"""Starting a component, a rule or a command."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from declare.dev import docstrings, repository, scaffold
from declare.dev.repository import ROOT
from declare.dev.stubs import commands, components, rules
from declare.parsing import lookup

NAME = "wobbly_thing"
STARTED = [
    *((kind, NAME) for kind in scaffold.kinds() if kind != "rules"),
    ("rules", f"losses/{NAME}"),
    ("rules", NAME),
]
HEAVY = ["torch", "torch.*", "numpy", "numpy.*"]
"""Libraries that a stub names in signatures; their own types would take minutes to read."""


def place(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let the scaffold take a folder for the repository."""
    for module in (scaffold, components, rules, commands, repository, docstrings):
        patch.setattr(module, "ROOT", folder)


@pytest.fixture
def repository_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder that the scaffold takes for the repository."""
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n\n### Added\n\n- old\n")
    place(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[str]]]:
    """Return a copy of the repository in which one of everything was started, and the new files."""
    folder = tmp_path_factory.mktemp("copy")
    ignored = shutil.ignore_patterns("__pycache__")
    for name in (
        "declare",
        "tests/combining",
        "tests/components",
        "tests/harness",
        "tests/rules",
        "tests/cli",
    ):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("pyproject.toml", "CHANGELOG.md", "tests/conftest.py"):
        shutil.copy2(ROOT / name, folder / name)
    before = {path for path in folder.rglob("*") if path.is_file()}
    with pytest.MonkeyPatch.context() as patch:
        place(folder, patch)
        assert [scaffold.scaffold(*words) for words in STARTED] == [0] * len(STARTED)
        fresh = sorted({path for path in folder.rglob("*.*") if path.is_file()} - before)
        yield folder, [str(path.relative_to(folder)) for path in fresh if ".ruff_cache" not in path.parts]


def python(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a module of Python in a folder that stands for the repository."""
    environ = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=folder, env=environ, check=False, capture_output=True, text=True)


def test_stubs_pass_our_own_lint(started: tuple[Path, list[str]]) -> None:
    """What is written for every kind has no finding of ruff, in its layout and in its docstrings."""
    folder, fresh = started
    code = [name for name in fresh if name.endswith(".py")]
    assert len(code) >= 2 * len(scaffold.kinds())
    for words in (["check"], ["format", "--check"]):
        done = python(folder, "ruff", *words, "--no-cache", *code)
        assert done.returncode == 0, done.stdout
    assert docstrings.check(*[name for name in code if name.startswith("declare")]) == 0


def test_stubs_have_the_types_of_their_contracts(started: tuple[Path, list[str]]) -> None:
    """Signatures are those that mypy wants of each kind."""
    folder, fresh = started
    settings = (folder / "pyproject.toml").read_text(encoding="utf-8")
    settings = re.sub(r'^packages = \["declare"\]$', "", settings, flags=re.MULTILINE)
    settings += f'\n[[tool.mypy.overrides]]\nmodule = {HEAVY}\nfollow_imports = "skip"\n'
    (folder / "mypy.toml").write_text(settings, encoding="utf-8")
    code = [name for name in fresh if name.endswith(".py") and name.startswith("declare")]
    done = python(folder, "mypy", "--config-file", "mypy.toml", "--follow-imports", "silent", *code)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr


def test_stubs_fail_until_they_are_written(started: tuple[Path, list[str]]) -> None:
    """Every kind's laws, the page's test, a rule's examples and a command's help: none holds for a stub alone."""
    folder, fresh = started
    codes = [Path(name).name.partition("-")[0] for name in fresh if name.endswith(".md")]
    tests = [name for name in fresh if name.startswith("tests")]
    laws = [f"tests/components/laws/test_{kind}.py" for kind in lookup.kinds()]
    words = ["-q", "-n", "0", "--tb=no", "-p", "no:randomly", "-k", " or ".join([NAME, *codes])]
    done = python(folder, "pytest", *words, *laws, *tests, "tests/rules/test_examples.py")
    failed = re.findall(r"^FAILED (\S+?)::(\S+)", done.stdout, re.MULTILINE)
    assert {*laws, *tests} <= {path for path, _ in failed}, done.stdout
    assert {code for code in codes if any(code in test for _, test in failed)} == set(codes), done.stdout
    assert len(codes) == 2


def test_the_changelog_gets_a_line(repository_folder: Path) -> None:
    """It names the new component first under what was added."""
    scaffold.scaffold("losses", "wobbly")
    assert "### Added\n\n- `wobbly` (loss).\n- old\n" in (repository_folder / "CHANGELOG.md").read_text()


def test_nothing_is_overwritten(repository_folder: Path) -> None:
    """A component that exists stays as it is."""
    path = repository_folder / "declare" / "components" / "losses" / "mine.py"
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    assert scaffold.scaffold("losses", "mine") == 2
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    "words", [("nothing", "x"), ("losses", "Bad-Name"), ("rules", "nowhere/x"), ("rules", "data/x/y")]
)
def test_wrong_words_are_refused(words: tuple[str, str], repository_folder: Path) -> None:
    """An unknown kind or family, or a name that specs could not write, makes no file."""
    assert scaffold.scaffold(*words) == 2
    assert not (repository_folder / "declare").exists()
