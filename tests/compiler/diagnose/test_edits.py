"""Rewrites of values become edits of the text that change nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from declare.compiler.diagnose.edits import fix
from declare.contract.problem import Rewrite
from declare.diagnostics.diagnostic import Source
from declare.language.document import Document, Text
from declare.language.yaml.parse_file import parse

TEXT = """\
declare: 1
phases:
  fit:
    epochs: 2   # two
    optimizer: adamw
    clip: {norm: 1.0}
    # the end
  next:
    epochs: 3
model:
  encoder: {type: mlp, hidden: [8], input: x}
  empty:
freeze:
  - {match: a}
  - match: b
    until: 3 steps
"""


def edited(rewrite: Rewrite, text: str = TEXT) -> str | None:
    source = Source("spec.yaml", text)
    made = fix(rewrite, Document(parse(source, Text(Path())).node, (source,)))
    if made is None:
        return None
    (edit,) = made.edits
    return text[: edit.span.start] + edit.new_text + text[edit.span.end :]


@pytest.mark.parametrize(
    ("rewrite", "old", "new"),
    [
        (Rewrite("", "phases.fit.epochs", 5), "epochs: 2 ", "epochs: 5 "),
        (Rewrite("", "phases.fit.epochs", key="steps"), "epochs: 2", "steps: 2"),
        (Rewrite("", "phases.fit.epochs"), "    epochs: 2   # two\n", ""),
        (Rewrite("", "model.encoder.hidden"), "hidden: [8], ", ""),
        (Rewrite("", "model.encoder.input"), ", input: x}", "}"),
        (Rewrite("", "model.encoder.width", 4), "input: x}", "input: x, width: 4}"),
        (Rewrite("", "phases.fit.seed", 4), "clip: {norm: 1.0}\n", "clip: {norm: 1.0}\n    seed: 4\n"),
        (
            Rewrite("", "phases.fit.optimizer.lr", 0.1),
            "optimizer: adamw",
            "optimizer: {type: adamw, lr: 0.1}",
        ),
        (Rewrite("", "phases.fit.clip", "x y"), "{norm: 1.0}", "x y"),
        (Rewrite("", "phases.fit.clip", "no"), "{norm: 1.0}", '"no"'),
        (Rewrite("", "model.empty", {"type": "mlp"}), "  empty:\n", "  empty: {type: mlp}\n"),
        (
            Rewrite("", "phases.next.evaluate.every", "1 epochs"),
            "    epochs: 3\n",
            "    epochs: 3\n    evaluate: {every: 1 epochs}\n",
        ),
        (Rewrite("", "freeze.0"), "  - {match: a}\n", ""),
        (Rewrite("", "name", "x"), "    until: 3 steps\n", "    until: 3 steps\nname: x\n"),
    ],
)
def test_edit(rewrite, old, new):
    """Each rewrite changes its own place and nothing else."""
    assert edited(rewrite) == TEXT.replace(old, new, 1)


def test_windows_line_ends():
    """An inserted line ends as the lines around it do."""
    text = "a:\r\n  b: 1\r\nc: 2\r\n"
    assert edited(Rewrite("", "a.d", 3), text) == "a:\r\n  b: 1\r\n  d: 3\r\nc: 2\r\n"


def test_only_entry_stays():
    """The only entry of a map is not removed: an empty section would be left."""
    assert edited(Rewrite("", "a.b"), "a:\n  b: 1\n") is None


def test_not_in_a_set():
    """What was written on the command line cannot be edited."""
    source = Source("--set #1", "3", "set")
    document = Document(parse(source, Text(Path(), "set")).node, (source,))
    assert fix(Rewrite("", "", 4), document) is None


@pytest.mark.parametrize(
    ("path", "applicability"), [("phases.fit.epochs", "unsafe"), ("model.empty", "safe")]
)
def test_taking_a_value_away_is_never_safe(path, applicability):
    """A removal that loses a value asks for `--unsafe`; a key without a value may go."""
    source = Source("spec.yaml", TEXT)
    made = fix(Rewrite("remove it", path), Document(parse(source, Text(Path())).node, (source,)))
    assert made is not None
    assert made.applicability == applicability
