"""Modules that datasets share, and the classes and tokens that they read in each."""

import pytest

import declare

SPEC = """
declare: 1
datasets:
  one: {{source: {{type: csv, path: one.csv}}, fields: {fields}, split: {{val: 0.25}}}}
  two: {{source: {{type: csv, path: two.csv}}, fields: {others}, split: {{val: 0.25}}}}
model:
  {module}
tasks:
  k: {{type: classification, datasets: [one, two], target: y}}
phases:
  fit: {{epochs: 1, batch_size: 4, optimizer: {{type: adamw, lr: 1e-3}}}}
"""
ROW = "row: {type: tabular, input: c, width: 4}"
WORDS = "words: {type: transformer, input: c, dim: 4, depth: 1, heads: 1}"
APART = "row: {type: tabular, input: c, width: 4, per_dataset: true}"
CATEGORY = "{c: {type: category}, y: {type: category}}"
STATED = "{c: {type: category, classes: [p, q, r]}, y: {type: category}}"
TEXT = "{c: {type: text, tokenizer: {type: TYPE, SIZE}}, y: {type: category}}"
WORD, BYTE = TEXT.replace("TYPE, SIZE", "word, vocab_size: 8"), TEXT.replace("TYPE, SIZE", "byte")


@pytest.mark.parametrize(
    ("module", "fields", "others", "cells", "refused"),
    [
        (ROW, CATEGORY, CATEGORY, ("pq", "qr"), True),
        (ROW, CATEGORY, CATEGORY, ("pq", "pq"), False),
        (ROW, STATED, STATED, ("pq", "qr"), False),
        (APART, CATEGORY, CATEGORY, ("pq", "qr"), False),
        (WORDS, WORD, WORD, ("pq", "qr"), True),
        (WORDS, WORD, WORD, ("pq", "pq"), False),
        (WORDS, BYTE, BYTE, ("pq", "qr"), False),
    ],
)
def test_shared_indices_have_one_meaning(tmp_path, module, fields, others, cells, refused):
    """Columns with other classes, and texts with other tokenizers, need a module each."""
    for name, (first, second) in zip(("one", "two"), cells, strict=True):
        rows = [f"{(first, second)[i % 2]},{'ab'[i // 2 % 2]}" for i in range(24)]
        (tmp_path / f"{name}.csv").write_text("c,y\n" + "\n".join(rows) + "\n")
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC.format(module=module, fields=fields, others=others))
    assert ("SHP546" in {item.code for item in declare.check(path).diagnostics}) == refused
