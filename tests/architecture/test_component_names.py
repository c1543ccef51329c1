"""No component is known by its name outside of its own file: who must tell some from others asks a class variable."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

from declare.contract.shapes import Layout
from declare.parsing.lookup import kinds, own_names

ROOT = Path(__file__).parents[2] / "declare"
ROOMS = ("compiler", "rules", "ir", "lowering", "runtime", "report")
OTHER_MEANINGS = {
    "braindecode": "a package",
    "clip": "a key of phases",
    "cosine": "the similarity of gradients",
    "cost": "a pass",
    "file": "where weights come from, or a key",
    "log": "the scale of a search",
    "mean": "a figure",
    "precision": "a key of phases",
    "python": "the version, or its random state",
    "random": "a mode of `scales`",
    "run": "where weights come from, or an argument",
    "step": "a key of events and state",
    "text": "the column of a file of lines",
    "timm": "a package",
    "torchvision": "a package",
}
"""Words that are names of components too, and what they mean in these rooms."""


def test_no_room_after_the_catalogue_names_a_component() -> None:
    """No text in the code is a name of the registry, save words that mean something else there."""
    names = {name for kind in kinds() for name in own_names(kind)} - set(get_args(Layout))
    found: dict[str, set[str]] = {}
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in names:
                found.setdefault(node.value, set()).add(path.relative_to(ROOT).as_posix())
    assert {name: files for name, files in found.items() if name not in OTHER_MEANINGS} == {}
    assert OTHER_MEANINGS.keys() <= found.keys(), "a word that no room uses"
