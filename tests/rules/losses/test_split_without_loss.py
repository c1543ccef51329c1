"""A held-out split in which no sample has the target leaves its loss without a value."""

from __future__ import annotations

from pathlib import Path

import pytest

from declare.compiler import pipeline

SPEC = """\
declare: 1
datasets:
  d:
    source: {type: csv, path: rows.csv}
    fields: {x: number, y: %s, part: category}
    split: {column: part}
model:
  m: {type: mlp, input: x, hidden: [4]}
tasks:
  t: {type: %s, target: y}
phases:
  p: {steps: 1, batch_size: 2, optimizer: {type: sgd, lr: 0.1}}
"""


@pytest.mark.parametrize("kind", [("number", "regression"), ("category", "classification")])
@pytest.mark.parametrize("label", ["", "1"])
def test_a_split_without_labels_is_told(tmp_path: Path, kind: tuple[str, str], label: str) -> None:
    """The finding names the figure of that split alone."""
    rows = [*(f"{row},{row % 2},train" for row in range(6)), f"1,{label},val", "2,0,test"]
    (tmp_path / "rows.csv").write_text("\n".join(["x,y,part", *rows]), encoding="utf-8")
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC % kind, encoding="utf-8")
    titles = [item.title for item in pipeline.check(path).diagnostics if item.code == "DAT398"]
    assert titles == ([] if label else ["`val/t/loss` will not be a number"])
