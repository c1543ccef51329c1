"""Syntax errors with a safe fix hide nothing, in the spec itself or in a base."""

from __future__ import annotations

from declare.compiler.pipeline import check
from declare.language.repair import load_repaired

BASE = """declare: 1
datasets: {d: {source: {type: sklearn, name: digits}, splits: {val: 0.2}}}
model: {encoder: {type: cnn, channels: [8], input: image}}
tasks:
  digit:
    type:classification
    target: label
    weight: heavy
phases:
  fit:
    optimizer: {type: adamw, lr:fast}
    epochs: [1
    batch_size: many
"""


def places(found):
    """Return code, file and text of findings."""
    return [(item.code, item.primary.span.source.name, item.primary.span.text) for item in found]


def test_a_base_is_read_past_its_errors(tmp_path, monkeypatch):
    """All mistakes of a base and of its child are reported, at their places in the texts as written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "spec.yaml").write_text("extends: base.yaml\nphases:\n  fit: {accumulate:many}\n")
    assert places(check("spec.yaml").diagnostics) == [
        ("SCH101", "base.yaml", "splits"),
        ("SYN001", "base.yaml", "type:"),
        ("SCH104", "base.yaml", "heavy"),
        ("SYN001", "base.yaml", "lr:fast"),
        ("SCH104", "base.yaml", "fast"),
        ("SYN001", "base.yaml", "["),
        ("SCH105", "base.yaml", "many"),
        ("SYN001", "spec.yaml", "accumulate:many"),
        ("SCH104", "spec.yaml", "many"),
    ]


def test_edits_stay_in_their_own_text(tmp_path):
    """A fix of a base is an edit of that base's text, and the spec's own places do not move."""
    (tmp_path / "base.yaml").write_text("a:1\nb: 2\n")
    (tmp_path / "spec.yaml").write_text("extends: base.yaml\nc: 3\n")
    document, found = load_repaired(str(tmp_path / "spec.yaml"), (), {})
    assert document.plain() == {"a": 1, "b": 2, "c": 3}
    (edit,) = found[0].fixes[0].edits
    assert edit.span.source is document.sources[1]
    assert document.at("b").span.text == "2"
    assert document.at("c").span.text == "3"
