"""Codes in the code, in the catalogue and in the tests are the same set."""

from __future__ import annotations

import re
from pathlib import Path

from declare.diagnostics.codes import codes, page

ROOT = Path(__file__).parents[2] / "declare"
CODE = re.compile(r'"((?:SYN|SCH|REF|DAT|LOS|SHP|PHS|HW|RES|STY)\d{3})"')


def used() -> dict[str, str]:
    """Return every code that stands in the code, with a file that uses it."""
    files = sorted(ROOT.rglob("*.py"))
    return {code: str(path) for path in files for code in CODE.findall(path.read_text(encoding="utf-8"))}


def test_every_used_code_has_a_page() -> None:
    """A code that some file makes stands in the catalogue."""
    assert {code: file for code, file in used().items() if code not in codes()} == {}


def test_every_page_is_used() -> None:
    """A page of the catalogue belongs to a code that some file makes."""
    assert set(codes()) - set(used()) == set()


def test_pages_say_what_they_must() -> None:
    """Every page has a summary and a reason."""
    for code in codes():
        assert page(code).summary, code
        assert page(code).why, code


def has_examples(code: str) -> bool:
    """Return whether a page shows a bad and a good example."""
    return all(example.files or example.command for example in (page(code).bad, page(code).good))


def test_every_code_is_tried() -> None:
    """A page has both examples, which a test runs; where none can be written down, another test names the code."""
    tests = "".join(
        path.read_text(encoding="utf-8") for path in sorted((ROOT.parent / "tests").rglob("*.py"))
    )
    assert [code for code in codes() if not has_examples(code) and f'"{code}"' not in tests] == []


def test_names_are_unique() -> None:
    """No two codes share a name."""
    names = list(codes().values())
    assert len(names) == len(set(names))
