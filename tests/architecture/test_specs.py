"""The example specs: all of them validate, without any finding."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from declare.compiler.pipeline import check

ROOT = Path(__file__).parents[2]
SPECS = sorted((ROOT / "specs").glob("*.yaml"))
TABLE = "income,rooms,region,price\n" + "".join(
    f"{20 + i % 7},{i % 5 or 'NA'},{'north' if i % 3 else 'south'},{100 + 3 * i % 11}\n" for i in range(600)
)

TEXTS = {
    "corpus.txt": "\n".join(f"the {word} of the {word}s is {word}" for word in TABLE.split(",")[4:200]),
    "reviews.jsonl": "".join(
        f'{{"text": "a {"fine" if i % 2 else "poor"} film {i % 9}", "mood": "{"pos" if i % 2 else "neg"}"}}\n'
        for i in range(100)
    ),
    "pairs.jsonl": "".join(f'{{"source": "a{i % 7} b", "target": "b a{i % 7}"}}\n' for i in range(200)),
}


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_spec_validates(spec: Path, tmp_path: Path) -> None:
    """An example spec has no findings at all."""
    copy = tmp_path / spec.name
    copy.write_bytes(spec.read_bytes())
    (tmp_path / "table.csv").write_text(TABLE)
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text)
    checked = check(copy)
    assert [f"{found.code} {found.title}" for found in checked.diagnostics if found.severity != "info"] == []
    assert checked.plan is not None


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_spec_names_its_schema(spec: Path) -> None:
    """Every example begins with the line by which editors find the schema, and the schema is there."""
    first = spec.read_text(encoding="utf-8").partition("\n")[0]
    match = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert match
    assert (spec.parent / match[1]).is_file()
