"""Docstrings, descriptions and messages are plain technical English."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "declare"
FORBIDDEN = {
    r"\bstands?\b(?! for|-ins)": "is, is in, occurs",
    r"\b([Hh]ears?|[Tt]ells?|told|[Ss]ays?|said|speaks?)\b": "reports, states, returns",
    r"\bof (its|their|his) own\b": "its own, separate",
    r"(?<![Tt]here )\b(is|are) (no|none)\b(?! longer)": "is not a, is not one of",
    r"\bnobody\b": "unknown, not",
    r"\bwhole numbers?\b": "integer",
    r"\bpassed over\b": "skipped",
    r"\bthe other way round\b": "the reverse",
    r"\beach alone\b|\bby itself\b|\bof theirs\b": "separately, directly",
    r"\bgo(es)? on\b": "continues",
    r"\banew\b": "again, new",
    r"\b[Ss]hares? of\b": "fraction of, shard of",
    r"^Yield (that|where) ": "Yield a problem if",
    r"\b[Pp]ictures?\b": "image",
    r"\b[Ff]igures?\b": "metric, number",
    r"\b[Tt]rivial (predictor|prediction)s?\b": "trivial baseline",
    r"\b(None|[Ee]mpty|False|True|none) where\b(?! missing)": "None if",
    r"\b(Error`?\)?|[Rr]aises?|Raised) where\b": "raises ... if",
    r"\bwhat (lies|stands|is said|is held|becomes of|is left)\b": "the noun of the thing",
}
"""Phrases to avoid, and what to write instead."""

TEXTS = {"description", "label", "notes", "helps", "help"}
"""Arguments whose strings users read."""


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and text of docstrings, descriptions and messages of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield getattr(node, "lineno", 1), " ".join((ast.get_docstring(node) or "").split())
        elif isinstance(node, ast.Call):
            read = [keyword.value for keyword in node.keywords if keyword.arg in TEXTS]
            if isinstance(node.func, ast.Name) and node.func.id == "Problem":
                read += node.args
            for part in (item for value in read for item in ast.walk(value)):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.lineno, part.value


def phrases(root: Path) -> Iterator[str]:
    """Yield each text below `root` with a forbidden phrase, with its place and what to write instead."""
    for path in sorted(root.rglob("*.py")):
        for line, text in texts(ast.parse(path.read_text(encoding="utf-8"))):
            for pattern, instead in FORBIDDEN.items():
                if match := re.search(pattern, text):
                    yield f"{path.relative_to(root.parent)}:{line}: {match[0]!r} ({instead}): {text}"


ROOMS = sorted(path.name for path in ROOT.iterdir() if (path / "__init__.py").is_file())


@pytest.mark.parametrize("room", ROOMS)
def test_texts_have_no_odd_phrases(room: str) -> None:
    """No docstring, description or message has a phrase that a technical writer would correct."""
    found = list(phrases(ROOT / room))
    assert not found, "\n".join(found)


def test_an_odd_phrase_is_seen(tmp_path: Path) -> None:
    """The check sees docstrings, descriptions and messages."""
    (tmp_path / "a.py").write_text(
        '"""What stands here."""\nx = Param(description="a class of its own")\ny = Problem("A1", "it is no file")\n'
    )
    kinds = Counter(item.split("'")[1] for item in phrases(tmp_path))
    assert kinds == {"stands": 1, "of its own": 1, "is no": 1}
