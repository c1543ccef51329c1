"""Classes of words are predicted from the steps of these words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from declare.compiler import pipeline

SPEC = """\
declare: 1
datasets:
  d:
    source: {type: jsonl, path: rows.jsonl}
    fields:
      words: {type: text, tokenizer: word}
      other: {type: text, tokenizer: word}
      entity: {type: tags, of: words}
model:
  m: {type: transformer, dim: 4, depth: 1, heads: 1, input: %s}
tasks:
  t: {type: token_classification, target: entity, head: {type: linear, input: m}}
phases:
  p: {steps: 1, batch_size: 2, optimizer: {type: sgd, lr: 0.1}}
"""


@pytest.mark.parametrize(("read", "codes"), [("words", []), ("other", ["DAT357"])])
def test_a_head_that_reads_another_text(tmp_path: Path, read: str, codes: list[str]) -> None:
    """Two texts of a sample have different tokens, though neither length is known beforehand."""
    rows = [
        {"words": words, "other": words[:1], "entity": ["AB"[len(word) % 2] for word in words]}
        for words in (["red", "on"], ["green", "blue", "on"]) * 10
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC % read, encoding="utf-8")
    found = [item.code for item in pipeline.check(path).diagnostics if item.severity == "error"]
    assert found == codes
