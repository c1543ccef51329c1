"""Modules that need batches of one length refuse samples that differ in length, and take a stated length."""

from __future__ import annotations

from pathlib import Path

import pytest

from declare.compiler.pipeline import check

SPEC = """\
declare: 1
datasets:
  notes:
    source: {{type: csv, path: notes.csv}}
    fields:
      note: {{type: text, tokenizer: {{type: char}}, max_length: 8}}
      mood: {{type: category}}
    split: {{val: 0.5}}
model:
  steps: {{type: transformer, input: note, dim: 4, depth: 1, heads: 1}}
  map: {{type: conv1d, input: steps, channels: [4, 4], kernel: 3, pool: {pool}}}
tasks:
  mood: {{type: classification, dataset: notes, target: mood, head: {{type: linear, input: map}}}}
phases: {{fit: {{epochs: 1, batch_size: 2, optimizer: {{type: adamw, lr: 1e-3}}}}}}
"""


@pytest.mark.parametrize(("pool", "codes"), [("flatten", ["SHP532"]), ("mean", [])])
def test_flattened_texts_are_refused(tmp_path: Path, pool: str, codes: list[str]) -> None:
    """A text has a greatest length, but its batches are as long as their longest sample."""
    (tmp_path / "notes.csv").write_text("note,mood\n" + "ab,x\nabcd,y\nabcdef,x\na,y\n" * 4)
    (tmp_path / "spec.yaml").write_text(SPEC.format(pool=pool))
    problems = check(tmp_path / "spec.yaml").diagnostics
    assert [problem.code for problem in problems if problem.code.startswith("SHP")] == codes
    assert all(
        "needs batches of one length" in problem.title for problem in problems if problem.code == "SHP532"
    )
