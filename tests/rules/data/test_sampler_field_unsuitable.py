"""A sampler that sorts by length needs lengths that differ when batches are made."""

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
    fields: {x: {type: series, rate: 1}, y: number}
    transforms: [%s]
model:
  m: {type: %s, input: x}
tasks:
  t: {type: regression, target: y}
phases:
  p: {steps: 1, batch_size: 2, sampler: length_buckets, optimizer: {type: sgd, lr: 0.1}}
"""


@pytest.mark.parametrize(
    ("transform", "module", "codes"),
    [("", "rnn", []), ("{type: temporal_pool, field: x}", "mlp", ["DAT343"])],
)
def test_lengths_after_transforms_count(
    tmp_path: Path, transform: str, module: str, codes: list[str]
) -> None:
    """A transform that takes the lengths away leaves nothing to sort by."""
    rows = [{"x": [[0.5 * at for at in range(2 + row % 5)]], "y": row} for row in range(20)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC % (transform, module), encoding="utf-8")
    found = [item.code for item in pipeline.check(path).diagnostics if item.severity == "error"]
    assert found == codes
