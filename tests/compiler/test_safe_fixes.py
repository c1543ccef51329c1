"""The law of safe fixes: no value is lost, no finding is new, comments and layout stay."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import pytest

from declare.compiler.pipeline import CheckedSpec, check
from declare.diagnostics.codes import codes, page
from declare.language.compose.compose import load
from declare.language.document import walk
from declare.language.fix import fix, write
from tests.compiler.planting import catalogue, plant
from tests.compiler.test_planting import SPECS, groups

COMMENT = re.compile(r"(?:^|\s)(#.*)$", re.MULTILINE)


def values(path: Path) -> Counter[str]:
    """Return how often each scalar stands in a spec, as text."""
    root = load(path)[0].root
    nodes = walk(root) if root is not None else ()
    return Counter(str(node.scalar) for _, node in nodes if node.scalar is not None and node.span.text)


def findings(checked: CheckedSpec) -> set[tuple[str, str]]:
    return {(item.code, item.path) for item in checked.diagnostics}


def broken(path: Path) -> list[str]:
    """Apply the safe fixes of a spec, as `dcl fix` does; return how that breaks the law."""
    before, text, stood = findings(check(path)), path.read_text(errors="replace"), values(path)
    for _ in range(10):
        checked = check(path)
        changes = fix(checked.diagnostics, only=next(iter(checked.document.sources), None)).changes
        if not changes:
            break
        for change in changes:
            write(change)
    after = path.read_text(errors="replace")
    new = findings(checked) - before
    lost = stood - values(path)
    left = Counter(re.split(r"[\s,{}\[\]\"']+", after))
    lost = Counter({word: number for word, number in lost.items() if left[word] < number})
    gone = Counter(COMMENT.findall(text)) - Counter(COMMENT.findall(after))
    lines = [line for line in text.splitlines() if not line.strip()]
    blank = [line for line in after.splitlines() if not line.strip()]
    return [
        *map(str, new),
        *(f"`{word}` is lost" for word in lost),
        *gone,
        *(["layout"] if lines != blank else []),
    ]


@pytest.mark.parametrize("name", ["pain", "digits", "text_classifier"])
def test_safe_fixes_of_planted_mistakes(name, tmp_path):
    """After the safe fixes of ten planted mistakes every value and comment stands, and no finding is new."""
    path = tmp_path / "spec.yaml"
    text = (SPECS / f"{name}.yaml").read_text()
    path.write_text(text)
    mistakes = catalogue(load(path)[0].plain())
    found = []
    for group in groups(mistakes, 10, 6, random.Random(name)):
        path.write_text(plant(text, group))
        found += broken(path)
    assert found == []


def with_safe_fixes() -> list[str]:
    """Return the codes of text, blocks and names, whose findings have most of the fixes."""
    families = [code for code in codes() if code.startswith(("SYN", "SCH", "REF"))]
    return [code for code in families if page(code).bad.files and not page(code).bad.command]


def test_safe_fixes_of_bad_examples(tmp_path, monkeypatch):
    """The safe fixes of the bad examples on the pages lose no value and bring no finding."""
    found = {}
    for code in with_safe_fixes():
        folder = tmp_path / code
        folder.mkdir()
        monkeypatch.chdir(folder)
        page(code).bad.write(folder)
        if (folder / "spec.yaml").is_file() and (problems := broken(folder / "spec.yaml")):
            found[code] = problems
    assert found == {}


DATA = "datasets:\n  d:\n    source: {type: csv, path: x.csv}\n"
BROKEN = {
    "a list that begins as a map": f"declare: 1\n{DATA}    transforms:\n      batch_size: 3\n      - {{type: log}}\n",
    "two names without a value": "declare: 1\ndatasest:\ndatasest: {d: {source: {type: csv, path: x.csv}}}\n",
    "a key after a broken line": f"{DATA}phases:\n  fit:\n\t    steps: 5\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_safe_fixes_of_texts_read_in_part(name, tmp_path):
    """What could not be read is neither renamed nor written anew, and nothing is put behind it."""
    path = tmp_path / "spec.yaml"
    path.write_text(BROKEN[name])
    assert broken(path) == []
    assert "POISON" not in path.read_text()
