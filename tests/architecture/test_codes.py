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
    """Every page has a summary, a reason, and examples of both kinds."""
    for code in codes():
        found = page(code)
        assert found.summary, code
        assert found.why, code
        assert found.bad.files or found.bad.command, code
        assert found.good.files or found.good.command, code


def test_names_are_unique() -> None:
    """No two codes share a name."""
    names = list(codes().values())
    assert len(names) == len(set(names))
