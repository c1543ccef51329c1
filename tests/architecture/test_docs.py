"""Docs name files and functions that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("architecture.md", "glossary.md", "decisions.md")
EXAMPLES = {"declare/components/losses/tversky.py"}
"""Files that an example would write."""
PLACE = re.compile(r"`((?:[a-z_]+/)+[a-z_0-9]+\.py)(?::([A-Za-z_.]+))?`")


def missing(text: str, root: Path) -> Iterator[str]:
    """Yield each `path/file.py:name` of a text whose file, or whose name in it, does not exist below `root`."""
    for path, name in PLACE.findall(text):
        if path in EXAMPLES:
            continue
        file = next((base / path for base in (root / "declare", root) if (base / path).is_file()), None)
        if file is None:
            yield path
        elif name and name not in _names(ast.parse(file.read_text(encoding="utf-8")), ""):
            yield f"{path}:{name}"


def _names(node: ast.AST, prefix: str) -> set[str]:
    """Return the functions, classes, methods and constants that a file defines."""
    names: set[str] = set()
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            names |= {prefix + child.name, *_names(child, f"{prefix}{child.name}.")}
        elif isinstance(child, ast.Assign | ast.AnnAssign):
            targets = child.targets if isinstance(child, ast.Assign) else [child.target]
            names |= {prefix + target.id for target in targets if isinstance(target, ast.Name)}
    return names


@pytest.mark.parametrize("page", PAGES)
def test_places_in_the_code_exist(page: str) -> None:
    """Every file and function that a page names exists."""
    assert not list(missing((ROOT / "docs" / page).read_text(encoding="utf-8"), ROOT))


def test_a_name_that_is_gone_is_seen() -> None:
    """The check fails on a file and on a name that do not exist."""
    text = "`runtime/nothing.py` and `runtime/loop.py:Nothing`"
    assert list(missing(text, ROOT)) == ["runtime/nothing.py", "runtime/loop.py:Nothing"]


def test_each_term_stands_once_in_the_glossary() -> None:
    """No term of the glossary has two meanings."""
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"^\| ([a-z -]+) \|", text, re.MULTILINE)[1:]
    assert len(terms) > 40
    assert terms == sorted(set(terms))


def test_each_page_stands_once_in_the_index() -> None:
    """The index lists every page of the docs, once."""
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"}
    listed = re.findall(r"\]\(([a-z]+\.md)\)", index)
    assert sorted(listed) == sorted(pages)
