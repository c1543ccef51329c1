"""Writes `docs/reference/diagnostics.md`: every code from its catalogue page."""

from collections.abc import Iterator
from pathlib import Path

from declare.dev.repository import ROOT
from declare.diagnostics.codes import Page, codes, page

_FAMILIES = {
    "SYN": "syntax of the file",
    "SCH": "keys and types",
    "REF": "names that refer to something",
    "DAT": "data",
    "LOS": "tasks, losses and metrics",
    "SHP": "shapes",
    "PHS": "phases and schedules",
    "HW": "hardware",
    "RES": "memory, disk and run folders",
    "STY": "style",
}


def outputs() -> dict[Path, str]:
    """Return the page."""
    return {ROOT / "docs" / "reference" / "diagnostics.md": "\n".join(_lines())}


def _lines() -> Iterator[str]:
    yield "# Diagnostics\n"
    yield "Every finding has a code that never changes its meaning, and a name."
    yield "`dcl explain LOS401` prints a page.\n"
    pages = [page(code) for code in codes()]
    for family, about in _FAMILIES.items():
        members = [item for item in pages if item.code.startswith(family)]
        if members:
            yield f"- [{family}](#{family.lower()}): {about}, {len(members)} codes"
    for family, about in _FAMILIES.items():
        members = [item for item in pages if item.code.startswith(family)]
        if members:
            yield f"\n## {family}\n\n{about[0].upper()}{about[1:]}.\n"
            for item in members:
                yield from _page(item)


def _page(item: Page) -> Iterator[str]:
    yield f"### {item.code} {item.name}\n"
    body = item.text.strip().replace("\n## ", "\n#### ")
    yield f"*{item.severity}.* {body}\n"
