"""Names are nouns and verbs of the field."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "declare"

PARTICIPLES = frozenset(
    [
        "about",
        "above",
        "after",
        "again",
        "alone",
        "along",
        "apart",
        "around",
        "as",
        "aside",
        "asked",
        "away",
        "because",
        "before",
        "begun",
        "below",
        "beside",
        "between",
        "beyond",
        "bought",
        "caught",
        "chosen",
        "done",
        "drawn",
        "due",
        "each",
        "else",
        "every",
        "fed",
        "felt",
        "found",
        "given",
        "gone",
        "got",
        "grown",
        "heard",
        "held",
        "here",
        "hidden",
        "hung",
        "inside",
        "kept",
        "known",
        "laid",
        "later",
        "led",
        "left",
        "lent",
        "like",
        "lost",
        "made",
        "meant",
        "met",
        "off",
        "on",
        "only",
        "other",
        "others",
        "otherwise",
        "out",
        "outside",
        "over",
        "own",
        "paid",
        "said",
        "seen",
        "sent",
        "shaken",
        "shown",
        "sold",
        "sought",
        "spent",
        "stood",
        "stuck",
        "taken",
        "taught",
        "then",
        "there",
        "thought",
        "thrown",
        "together",
        "told",
        "torn",
        "under",
        "until",
        "up",
        "when",
        "where",
        "which",
        "whole",
        "with",
        "within",
        "without",
        "won",
        "worn",
        "worse",
        "woven",
        "written",
    ]
)
"""Irregular participles, and particles: words that name neither a thing nor an act."""

NOUNS_AND_VERBS = frozenset(
    [
        "bed",
        "breed",
        "embed",
        "exceed",
        "feed",
        "indeed",
        "need",
        "proceed",
        "seed",
        "shed",
        "speed",
        "succeed",
    ]
)
"""Words in -ed that are no participles."""

ALLOWED = {
    "Balanced": "the component `balanced`: its type is its class",
    "Evaluated": "the event `evaluated`: its type is its class",
    "Fixed": "the component `fixed`: its type is its class",
    "Probed": "the event `probed`: its type is its class",
    "Simulated": "the component `simulated`: its type is its class",
    "Weighted": "the component `weighted`: its type is its class",
    "where": "Reader.where: which sample a row is, as SQL and numpy say it",
}
"""Names that stay, with the reason."""


def is_bare(name: str) -> bool:
    """Return whether a name is one participle or particle and nothing else."""
    word = name.strip("_")
    if word in ALLOWED or not word or "_" in word:
        return False
    parts = re.findall(r"[A-Z]?[a-z0-9]+", word)
    if len(parts) != 1:
        return False
    word = word.lower()
    return word in PARTICIPLES or (word.endswith("ed") and word not in NOUNS_AND_VERBS)


def bare_names(root: Path) -> Iterator[str]:
    """Yield every function, method and class below `root` whose name is a bare participle or particle."""
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and is_bare(node.name):
                yield f"{path.relative_to(root.parent)} {node.name}"


EMPTY_NAMES = frozenset({"found", "each", "said", "told", "made", "held", "own"})
"""Variables that say what was done to a value and not what it is."""

EMPTY_NAMES_OF_NN = EMPTY_NAMES | {
    "known",
    "seen",
    "shown",
    "wanted",
    "real",
    "some",
    "done",
    "others",
    "apart",
    "here",
}
"""The same for `nn`, where masks are called by what they are true of (`is_labelled`, `is_real`)."""

SYNONYMS = {
    "picture": "image",
    "figure": "metric, or what the number is",
    "trivial_predictor": "baseline",
    "training_parts": "builder",
}
"""Words of which another one is used in names."""


def empty_variables(root: Path, names: frozenset[str]) -> Iterator[str]:
    """Yield where a variable or parameter is called by one of `names`, which say nothing of what it holds."""
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            stored = isinstance(node, ast.Name) and node.id in names and isinstance(node.ctx, ast.Store)
            if stored or (isinstance(node, ast.arg) and node.arg in names):
                yield f"{path.relative_to(root.parent)}:{node.lineno}"


ROOMS = sorted(path.name for path in ROOT.iterdir() if (path / "__init__.py").is_file())


@pytest.mark.parametrize("room", ROOMS)
def test_definitions_are_no_bare_participles(room: str) -> None:
    """No function, method or class is called by a participle or particle alone (`settled`, `found`, `each`)."""
    assert list(bare_names(ROOT / room)) == []


@pytest.mark.parametrize("room", ROOMS)
def test_variables_say_what_they_hold(room: str) -> None:
    """No variable is called `found`, `each`, `said`, `told`, `made`, `held` or `own`, but by the thing it is."""
    assert list(empty_variables(ROOT / room, EMPTY_NAMES)) == []


def test_variables_of_nn_name_what_they_hold() -> None:
    """Masks and shapes of `nn` are not called `known`, `seen`, `wanted` or `real`, and no argument is `p` or `t`."""
    assert not list(empty_variables(ROOT / "nn", EMPTY_NAMES_OF_NN | {"p", "t"}))


def synonyms(root: Path) -> Iterator[str]:
    """Yield files, definitions, variables and parameters below `root` in whose name a word has a better synonym."""
    for path in sorted(root.rglob("*.py")):
        names = {path.stem}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.arg):
                names.add(node.arg)
            elif isinstance(node, ast.Name):
                names.add(node.id)
        for name in sorted(names):
            snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
            for word, better in SYNONYMS.items():
                if re.search(rf"(^|_){word}s?(_|$)", snake):
                    yield f"{path.relative_to(root.parent)} {name} ({better})"


def test_one_word_for_one_thing() -> None:
    """Names say `image`, `metric`, `baseline` and `builder`, and none of their synonyms."""
    assert not list(synonyms(ROOT))


def stop_words(root: Path) -> list[str]:
    """Return the files below `root` that handle Ctrl-C or SIGTERM."""
    texts = {path: path.read_text(encoding="utf-8") for path in root.rglob("*.py")}
    return sorted(path.stem for path, text in texts.items() if "signal.SIGINT" in text)


def test_handlers_of_ctrl_c_are_found_by_their_file() -> None:
    """A file that handles SIGINT is called after signals."""
    assert stop_words(ROOT) == ["signal_forwarding", "signal_handler", "signal_watch"]


def test_a_bare_participle_is_seen(tmp_path: Path) -> None:
    """The checks see participles and `found`, and leave nouns, verbs and longer names alone."""
    (tmp_path / "a.py").write_text(
        "def settled():\n    found = 1\n\nclass Seed: ...\n\ndef found_rows(): ...\n"
    )
    assert list(bare_names(tmp_path)) == [f"{tmp_path.name}/a.py settled"]
    assert list(empty_variables(tmp_path, EMPTY_NAMES)) == [f"{tmp_path.name}/a.py:2"]
    (tmp_path / "a.py").write_text("def open_picture(figures): ...\n\nclass TrainingParts: ...\n")
    assert [item.split()[1] for item in synonyms(tmp_path)] == ["TrainingParts", "figures", "open_picture"]
