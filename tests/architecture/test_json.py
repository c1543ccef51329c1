"""No file of ours writes JSON that only Python can read."""

from __future__ import annotations

import ast
from pathlib import Path

import declare

ROOT = Path(declare.__file__).parent
WITH_NAN = {
    "cli/commands/describe.py": "a default on the terminal",
    "system/library_table.py": "the defaults of a library, in a table that we alone read",
    "runtime/distributed/event_pipe.py": "figures between our own processes",
}
"""Files that may write NaN, and what they write."""


def test_every_json_text_is_strict_unless_it_says_why_not() -> None:
    """`json.dumps` is called with `allow_nan` stated, and True in listed files alone; others use `strict_json`."""
    loose = {}
    for path in ROOT.rglob("*.py"):
        name = str(path.relative_to(ROOT))
        if name.startswith("dev/"):
            continue
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in {"json.dumps", "json.dump"}:
                stated = {word.arg: ast.unparse(word.value) for word in call.keywords}.get("allow_nan")
                if stated != "False" and not (stated == "True" and name in WITH_NAN):
                    loose[f"{name}:{call.lineno}"] = stated
    assert loose == {}
